"""Cityscapes label ids that ToyCity paints (config/labels/cityscapes.csv)."""

EGO_VEHICLE, RECTIFICATION_BORDER, OUT_OF_ROI, STATIC = 1, 2, 3, 4
GROUND, ROAD, SIDEWALK, PARKING, RAIL_TRACK = 6, 7, 8, 9, 10
BUILDING, WALL, FENCE = 11, 12, 13
POLE, TRAFFIC_LIGHT, TRAFFIC_SIGN = 17, 19, 20
VEGETATION, TERRAIN, SKY = 21, 22, 23
PERSON, RIDER = 24, 25
CAR, TRUCK, BUS, CARAVAN, TRAILER, TRAIN, MOTORCYCLE, BICYCLE = 26, 27, 28, 29, 30, 31, 32, 33

CLASS_IDS = {
    "road": ROAD,
    "sidewalk": SIDEWALK,
    "building": BUILDING,
    "wall": WALL,
    "fence": FENCE,
    "pole": POLE,
    "traffic light": TRAFFIC_LIGHT,
    "traffic sign": TRAFFIC_SIGN,
    "vegetation": VEGETATION,
    "terrain": TERRAIN,
    "sky": SKY,
    "person": PERSON,
    "rider": RIDER,
    "car": CAR,
    "truck": TRUCK,
    "bus": BUS,
    "train": TRAIN,
    "motorcycle": MOTORCYCLE,
    "bicycle": BICYCLE,
}
"""Label ids of the 19 classes."""
