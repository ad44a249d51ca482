"""Training: one loop, and around it loss, rate, checkpoints, devices, several processes and what people watch."""
