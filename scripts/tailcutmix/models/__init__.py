"""The networks: HRNetV2 with scale attention, and the challenge organisers' U-Net."""
