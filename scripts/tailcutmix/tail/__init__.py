"""Label statistics, buckets, regions of the tail classes and their level subsets [report, section 3]."""
