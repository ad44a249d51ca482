"""The networks: scale attention over HRNetV2, the challenge organisers' U-Net, and what every network shares."""
