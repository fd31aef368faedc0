"""What every recipe shares, a file each: data, augmentation, encoders, training, evaluation, the run."""
