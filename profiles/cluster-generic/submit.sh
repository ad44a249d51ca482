#!/usr/bin/env bash
# submit.sh RULE THREADS MEM_MB MINUTES GPUS JOBSCRIPT: put one job into the queue and print its id. Here for PBS.
set -euo pipefail
rule=$1 threads=$2 memory=$3 minutes=$4 gpus=$5 script=$6
queue=$([ "$gpus" -gt 0 ] && echo gpu || echo cpu)
mkdir -p logs/queue
qsub -N "$rule" -q "$queue" -o logs/queue/ -j oe \
  -l "select=1:ncpus=$threads:mem=${memory}mb:ngpus=$gpus" \
  -l "walltime=$(printf '%d:%02d:00' $((minutes / 60)) $((minutes % 60)))" "$script"
