"""Published numbers on MiniCity's hidden test set, in the column order of the report's Table 1."""

SCORES = ("iou_class", "iiou_class", "iou_category", "iiou_category", "accuracy")
"""The five scores of Table 1, in its order, by the names of the metrics files."""

COLUMN_TITLES = {
    "iou_class": "IoU class",
    "iiou_class": "iIoU class",
    "iou_category": "IoU category",
    "iiou_category": "iIoU category",
    "accuracy": "accuracy",
    "accuracy_evaluated": "accuracy on evaluated pixels",
}

REPORT_SOURCE = "technical report, Table 1"
REPORT_DATASET, REPORT_SPLIT = "MiniCity", "test"

REPORT_TABLE1 = (
    ("Baseline", (0.39, 0.19, 0.73, 0.52, 0.78)),
    ("multi-level tail cutmix", (0.66, 0.45, 0.88, 0.74, 0.83)),
)
"""The two rows of the report's Table 1. "Baseline" is, digit for digit, the challenge organisers' U-Net."""

LEADERBOARD_SOURCE = "challenge test leaderboard, 10 July 2020"

LEADERBOARD = (
    ("1st (the report)", (0.66, 0.45, 0.88, 0.74, 0.83)),
    ("2nd", (0.66, 0.40, 0.88, 0.72, 0.83)),
    ("3rd", (0.64, 0.40, 0.87, 0.71, 0.83)),
    ("4th", (0.61, 0.37, 0.86, 0.69, 0.83)),
    ("5th", (0.61, 0.37, 0.83, 0.62, 0.81)),
    ("6th", (0.58, 0.33, 0.84, 0.63, 0.82)),
    ("7th", (0.43, 0.22, 0.76, 0.55, 0.79)),
    ("organisers' U-Net", (0.39, 0.19, 0.73, 0.52, 0.78)),
)

MINICITY_ACCURACY_CEILING = 0.885
"""What a faultless predictor of the 19 classes reaches on MiniCity: accuracy counts void pixels as errors."""
