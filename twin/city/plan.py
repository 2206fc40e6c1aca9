"""The plan of Port Meridian as its draughtsman would have drawn it: coast, river, docks, main roads, districts.

Coordinates are metres east and north of the city's origin, which lies in open ocean so that nobody takes the city
for a real place. Everything else (streets, heights, names, sites) is grown from these lines.
"""

from __future__ import annotations

from dataclasses import dataclass

SEED = 20_240_217
ORIGIN = (-30.0, 46.0)
BOUNDS = (-12_000.0, -8_500.0, 12_000.0, 8_500.0)
NAME = "Port Meridian"
DATUM = "Port Meridian Datum"

Points = list[tuple[float, ...]]

COAST: Points = [
    (-13500, -900),
    (-12000, -1500),
    (-11000, -2700),
    (-10200, -3900),
    (-9500, -4000),
    (-8900, -2700),
    (-7700, -2700),
    (-6500, -3500),
    (-5200, -4200),
    (-4200, -4700),
    (-3500, -5050),
    (-2400, -5250),
    (-1200, -5500),
    (0, -5250),
    (900, -5300),
    (2200, -5600),
    (3600, -6000),
    (4900, -6300),
    (6000, -7400),
    (7000, -8000),
    (8000, -7500),
    (9400, -6900),
    (10600, -7300),
    (12000, -7300),
    (13500, -7500),
]
# x, y, half width
RIVER: Points = [
    (13500, 4300, 55),
    (12000, 3900, 55),
    (10400, 3300, 60),
    (9000, 2500, 65),
    (7600, 2700, 70),
    (6300, 1900, 75),
    (5000, 1300, 85),
    (3700, 1800, 95),
    (2500, 1500, 105),
    (1500, 500, 120),
    (500, -500, 140),
    (-400, -1300, 190),
    (-1000, -2200, 290),
    (-1700, -3200, 400),
    (-2450, -4200, 330),
    (-2900, -4850, 190),
    (-3250, -5500, 260),
]
BROOK: Points = [
    (-3200, 9500, 14),
    (-3000, 7000, 15),
    (-3500, 5300, 16),
    (-2700, 4000, 17),
    (-2950, 2700, 18),
    (-2250, 1500, 20),
    (-1980, 300, 22),
    (-1850, -800, 26),
    (-1800, -1500, 30),
]
BASINS: dict[str, Points] = {
    "Old Dock": [(-1150, -1850), (-1250, -1620), (-2150, -1290), (-2240, -1480), (-1350, -1980)],
    "Container Basin": [(-1900, -2950), (-3950, -2480), (-4030, -2790), (-2000, -3330)],
    "Bulk Dock": [(-1350, -3350), (250, -3700), (200, -3950), (-1450, -3700)],
}
# land built into the water: piers and moles
PIERS: list[Points] = [
    [(-4150, -4700), (-4080, -4680), (-3830, -5950), (-3600, -6350), (-3680, -6390), (-3910, -5980)],
    [(-2450, -5200), (-2360, -5230), (-2760, -6050), (-3000, -6300), (-3060, -6240), (-2830, -6020)],
    [(560, -5150), (620, -5150), (640, -6050), (1000, -6060), (1000, -6120), (580, -6110)],
    [(-2830, -2890), (-2790, -2780), (-2170, -2930), (-2200, -3040)],
    [(-700, -3620), (-690, -3560), (-140, -3680), (-150, -3740)],
]
# the storm barrier, abutment to abutment; the ground around both is raised
BARRIER: list[tuple[float, float]] = [(-2720, -4955), (-3080, -4745)]
MOTORWAY: Points = [
    (-1275, -2450),
    (-2500, -1800),
    (-3900, -900),
    (-5200, 600),
    (-5600, 2400),
    (-4900, 4300),
    (-3100, 5600),
    (-800, 6200),
    (1600, 6100),
    (3900, 5400),
    (5600, 4200),
    (6150, 2900),
    (5900, 1600),
    (5700, 300),
    (5000, -1500),
    (3600, -2900),
    (1800, -3400),
    (300, -3200),
]


@dataclass(frozen=True, slots=True)
class MainRoad:
    """A road drawn by hand: its name, class (twin.pack.RoadClass) and the points its curve runs through."""

    name: str
    road_class: int
    points: Points
    closed: bool = False


MAIN_ROADS = [
    MainRoad(
        "Ramparts",
        1,
        [
            (450, 150),
            (380, 420),
            (-100, 720),
            (-500, 760),
            (-950, 700),
            (-1400, 350),
            (-1540, -200),
            (-1500, -700),
            (-1330, -1080),
        ],
    ),
    MainRoad(
        "Harbour Way",
        1,
        [
            (450, 150),
            (330, -120),
            (60, -420),
            (-250, -700),
            (-560, -980),
            (-900, -1250),
            (-1150, -1250),
            (-1330, -1080),
        ],
    ),
    MainRoad("North Road", 1, [(-500, 760), (-700, 2000), (-300, 3600), (-700, 5000), (-850, 6200), (-1000, 8500)]),
    MainRoad(
        "Corn Road",
        1,
        [(380, 420), (1300, 1300), (2300, 2350), (3900, 2650), (5400, 3300), (6700, 3600), (9000, 4200), (12000, 5200)],
    ),
    MainRoad(
        "Eastgate Road",
        1,
        [(380, 420), (720, 280), (1300, -300), (2600, -700), (4200, -900), (5300, -850), (8000, -1000), (12000, -1200)],
    ),
    MainRoad("Old Bridge Street", 2, [(-560, -330), (-250, -700), (-110, -820), (190, -1180), (900, -1900)]),
    MainRoad(
        "Southern Road",
        1,
        [(900, -1900), (1500, -2800), (1900, -3400), (2700, -4600), (5000, -5500), (9000, -5600), (12000, -6500)],
    ),
    MainRoad(
        "West Road",
        1,
        [(-1540, -200), (-2700, -100), (-4000, 200), (-5000, 400), (-7500, 300), (-9800, 100), (-12000, 200)],
    ),
    MainRoad(
        "Port Road",
        1,
        [
            (-1500, -700),
            (-2600, -900),
            (-3600, -1250),
            (-4700, -2100),
            (-5300, -3200),
            (-6600, -2900),
            (-8300, -1400),
            (-10000, -600),
            (-12000, -300),
        ],
    ),
    MainRoad(
        "Abbey Road",
        1,
        [(-1400, 350), (-2400, 1500), (-3600, 2700), (-5000, 4050), (-7200, 5000), (-9500, 7000), (-10500, 8500)],
    ),
    MainRoad(
        "Beacon Road",
        1,
        [(-100, 720), (900, 2200), (1600, 3800), (2800, 5000), (3700, 5500), (5000, 7000), (6500, 8500)],
    ),
    MainRoad(
        "Dock Road",
        2,
        [(1300, -300), (620, -1280), (100, -2050), (-120, -2700), (500, -3330), (520, -4200), (600, -5000)],
    ),
    MainRoad("Halden Road", 2, [(520, -4200), (1600, -4750), (2700, -4600)]),
    MainRoad(
        "Middle Ring",
        2,
        [
            (-2900, -1000),
            (-3150, -100),
            (-3150, 1000),
            (-2000, 2300),
            (-300, 2650),
            (1500, 2700),
            (2350, 2350),
            (2700, 1550),
            (3000, 500),
            (2750, -750),
            (1950, -1700),
            (900, -1900),
        ],
    ),
    MainRoad(
        "Inner Circle Road",
        2,
        [
            (-4250, -1650),
            (-4300, 200),
            (-4250, 1800),
            (-3600, 2700),
            (-3300, 3700),
            (-2000, 4500),
            (-500, 4400),
            (1500, 4350),
            (3200, 3800),
            (4500, 2850),
            (4350, 1500),
            (4250, 0),
            (4150, -900),
            (3700, -1900),
            (2700, -2650),
            (1500, -2800),
        ],
    ),
    MainRoad(
        "Outer Circle Road",
        2,
        [
            (-7450, -2150),
            (-7700, 300),
            (-7400, 3000),
            (-6100, 4800),
            (-4300, 7000),
            (-950, 7500),
            (2500, 7300),
            (5000, 7000),
            (6600, 5600),
            (7900, 3950),
            (8350, 2700),
            (8200, 800),
            (7800, -1000),
            (6500, -3000),
            (4800, -4300),
            (2700, -4600),
        ],
    ),
    MainRoad("Market Street", 2, [(-560, -330), (-900, -150), (-1540, -200)]),
    MainRoad("High Street", 2, [(-560, -330), (-480, 200), (-500, 760)]),
    MainRoad("Reservoir Road", 3, [(-7400, 3000), (-8600, 3600), (-9900, 3300), (-12000, 3900)]),
    MainRoad(
        "Lighthouse Road",
        3,
        [(-9800, -3500), (-9700, -2300), (-9500, -850), (-9300, 1200), (-8600, 3600), (-8300, 5900)],
    ),
    MainRoad("Moor Road", 3, [(6600, 5600), (8600, 6400), (9800, 8500)]),
    MainRoad("Marsh Lane", 3, [(8200, 800), (9700, 1200), (12000, 900)]),
    MainRoad("Coastguard Road", 3, [(6500, -3000), (8400, -3600), (9000, -5600)]),
]
BRIDGES = {
    "Eastgate Road": "Castle Bridge",
    "Old Bridge Street": "Old Bridge",
    "Middle Ring": "Tannery Bridge",
    "Inner Circle Road": "Mill Bridge",
    "Outer Circle Road": "Upper Ferry Bridge",
    "Meridian Ring": "Seagate Bridge",
}
UPSTREAM_RING_BRIDGE = "Kestrel Bridge"
EMBANKMENTS = [
    # name, class, bank (+1 north and west, -1 south and east), from x to x along the river
    ("Customs Quay", 3, -1, 60, -960),
    ("Lower Embankment", 3, -1, 500, 60),
    ("North Embankment", 3, -1, 3600, 500),
    ("Mill Walk", 3, -1, 5700, 3900),
    ("South Embankment", 3, 1, 3600, 250),
    ("Shipwrights Quay", 5, 1, 250, -480),
    ("Tidewater Road", 3, 1, 5700, 3900),
]
QUAY_ROADS: list[MainRoad] = [
    MainRoad("Old Dock Quay", 5, [(-1150, -1250), (-1230, -1540), (-1700, -1370), (-2170, -1210), (-2240, -980)]),
    MainRoad("Ferry Quay", 5, [(-2330, -1230), (-2330, -1530), (-1800, -1840), (-1500, -2020)]),
    MainRoad(
        "Container Quay North", 3, [(-4700, -2100), (-4060, -2370), (-3400, -2500), (-2700, -2660), (-2150, -2700)]
    ),
    MainRoad(
        "Container Quay South",
        3,
        [(-5000, -2700), (-4150, -2880), (-3300, -3100), (-2660, -3330), (-2780, -3800), (-3080, -4450)],
    ),
    MainRoad(
        "Bulk Quay North", 3, [(-120, -2700), (-550, -3020), (-1000, -3190), (-400, -3450), (400, -3610), (510, -3700)]
    ),
    MainRoad(
        "Bulk Quay South",
        3,
        [(520, -4200), (350, -4070), (-500, -3930), (-1400, -3800), (-1900, -4400), (-2350, -4950)],
    ),
    MainRoad("Barrier Road", 5, [(-2350, -4950), (-1300, -5200), (-300, -4950), (600, -5000)]),
    MainRoad("Mole Road", 5, [(-5300, -3200), (-4300, -4300), (-3700, -4750)]),
    MainRoad("Oil Jetty Road", 5, [(600, -5000), (590, -5200), (600, -6000)]),
]
UNDERPASS = MainRoad(
    "Wharf Street", 2, [(-560, -330), (-700, -700), (-800, -1000), (-855, -1215), (-900, -1430), (-880, -1560)]
)


@dataclass(frozen=True, slots=True)
class District:
    """A part of the city: where its middle is, how its streets were laid out, and how it ranks on a map."""

    name: str
    x: float
    y: float
    fabric: str  # medieval | terrace | grid | garden | works | port | village
    heading: tuple[float, float]  # a vector along the main streets
    rank: int = 2


DISTRICTS = [
    District("Old Town", -560, -60, "medieval", (5, 2), 1),
    District("Fishmarket", -700, -1050, "medieval", (4, 3), 2),
    District("Castle Hill", -850, 1450, "terrace", (7, 2), 2),
    District("Kingsgate", 420, 1450, "terrace", (6, 5), 2),
    District("Shipwrights", 120, -1950, "terrace", (3, 5), 2),
    District("Ashgrove", -4500, 3000, "garden", (2, 1), 3),
    District("Exchange", 1300, 1700, "grid", (1, 1), 1),
    District("Meridian Centre", -1500, 1300, "grid", (5, -3), 1),
    District("Southbank", 900, -1000, "terrace", (4, 3), 1),
    District("Newhaven", 2200, 0, "grid", (12, -3), 2),
    District("Saltmarsh", 1500, -2200, "grid", (3, 4), 2),
    District("Westquay", -2200, -450, "terrace", (12, 1), 2),
    District("Docklands", -2300, -1000, "works", (3, -1), 2),
    District("Container Port", -3300, -2400, "port", (4, -1), 1),
    District("Seagate", -3500, -3600, "port", (3, -2), 2),
    District("Bulk Port", -700, -4300, "port", (4, -1), 2),
    District("Halden", 1300, -4700, "works", (10, 1), 2),
    District("Northgate", -1100, 3300, "grid", (10, 2), 2),
    District("Abbeyfields", -3300, 1900, "terrace", (2, 3), 2),
    District("Linden", 800, 3500, "terrace", (1, 2), 3),
    District("Beaconsfell", 2700, 3000, "garden", (3, 1), 2),
    District("Cornhill", 3700, 2100, "grid", (9, 4), 2),
    District("Tannery", 3500, 800, "works", (4, 1), 3),
    District("Eastfield", 3500, -300, "grid", (11, -1), 2),
    District("Ropewalk", 4600, -1700, "terrace", (2, 3), 3),
    District("Brickfields", 2700, -1500, "grid", (4, -3), 3),
    District("Westmoor", -3700, -300, "grid", (10, 1), 2),
    District("Marlow Park", -4700, 1300, "garden", (1, 3), 3),
    District("Priory", -2500, 3300, "garden", (3, 2), 2),
    District("Northfield", -1700, 5300, "terrace", (4, -1), 3),
    District("Highbury Rise", 1400, 5200, "garden", (5, 2), 2),
    District("Larkhill", 3500, 4500, "garden", (3, -2), 3),
    District("Kestrel", 4900, 2300, "terrace", (2, 1), 3),
    District("Eastmere", 4900, 400, "grid", (12, 1), 3),
    District("Quarry Bank", 7000, 2300, "garden", (3, 2), 2),
    District("Staveley", 7000, 0, "garden", (4, -1), 2),
    District("Holmwood", 6700, -2000, "garden", (2, 1), 2),
    District("Thornleigh", 4900, -3200, "garden", (1, 1), 2),
    District("Southcliff", 3000, -3800, "grid", (5, 3), 2),
    District("Gorse Hill", 5000, -4900, "garden", (3, 1), 3),
    District("Hazelbrook", 7400, 4600, "garden", (1, 1), 3),
    District("Fernwood", 5100, 5900, "garden", (4, 3), 2),
    District("Overton", 2500, 6700, "garden", (5, -1), 3),
    District("Netherby", -600, 7000, "garden", (6, 1), 2),
    District("Millbrook", -3500, 6500, "garden", (2, 1), 3),
    District("Ashcombe", -5700, 5600, "garden", (3, 2), 2),
    District("Cold Harbour", -6300, 3300, "garden", (1, 2), 2),
    District("Stonebridge", -6500, 1300, "grid", (9, 2), 2),
    District("Sandhaven", -6300, -800, "garden", (3, -1), 2),
    District("Cliffside", -5900, -2300, "grid", (3, -4), 2),
    District("Lighthouse Point", -9700, -2300, "village", (5, -1), 3),
    District("Reservoir Hill", -8600, 3600, "village", (2, 1), 3),
    District("Airfield", 9500, -900, "works", (9, 1), 3),
    District("Marshside", 9800, 1300, "village", (4, 1), 3),
    District("Coldwell", 9200, 4500, "village", (3, 1), 3),
    District("Southerness", 8900, -5000, "village", (4, 1), 3),
    District("Ravensmoor", -8800, 6300, "village", (3, 2), 3),
    District("Upper Moor", 8700, 6600, "village", (2, 1), 3),
]
# name, x, y, radius: parks and open ground
PARKS = [
    ("Castle Gardens", -420, 1120, 260),
    ("Beacon Park", 2250, 3350, 620),
    ("Abbey Meadow", -3000, 2350, 330),
    ("Victoria Gardens", 1700, 1150, 190),
    ("Saltmarsh Reserve", 950, -2450, 330),
    ("Marlow Common", -5000, 900, 380),
    ("Northfield Cemetery", -900, 5300, 330),
    ("Ropewalk Green", 4500, -2300, 260),
    ("Quarry Park", 6900, 3100, 420),
    ("Southcliff Links", 4200, -5600, 650),
    ("Gorse Common", 5900, -3900, 520),
    ("Priory Woods", -3900, 4700, 480),
    ("Cold Harbour Common", -6900, 2300, 520),
    ("Eastfield Park", 3500, -1000, 240),
    ("Linden Square", 700, 3250, 130),
    ("Exchange Square", 1250, 1950, 90),
    ("Westmoor Park", -3700, 600, 250),
    ("Newhaven Green", 2100, -250, 140),
    ("Sandhaven Dunes", -7300, -1900, 480),
    ("Fernwood", 5900, 6500, 520),
    ("Netherby Park", 400, 6800, 330),
    ("Holm Wood", 7100, -2700, 480),
    ("Stadium Field", -2250, 2950, 150),
    ("Docklands Green", -2500, -650, 90),
]
HILLS = [
    # x, y, height, radius
    (-7200, 5400, 62, 2600),
    (5600, 6400, 70, 2500),
    (9400, -2800, 52, 2300),
    (-9500, 2300, 44, 2200),
    (2400, 3500, 30, 1300),
    (-480, 1150, 24, 420),
    (5300, -3600, 34, 1700),
    (-3300, 4400, 26, 1500),
    (9500, 6500, 40, 2200),
    (-900, 8600, 45, 2400),
    (7200, 1200, 18, 1500),
]
FLATS = [
    # x, y, radius: ground that hardly rises from the quay
    (-900, -1000, 900),
    (-3000, -2000, 1700),
    (1300, -2300, 1500),
    (-900, -3900, 1400),
    (600, -1100, 900),
    (-3500, -3700, 1300),
    (2000, 700, 800),
]
# x, y, radius, level: quays sunk by settlement, the first to be overtopped
DIPS = [(-890, -1460, 230, 2.15)]
HOLLOWS = [
    # x, y, radius, floor: lower than the quays around them, so that they fill from the lowest gap
    (-640, -960, 210, 1.75),
    (1500, -2250, 620, 0.8),
    (-2650, -1250, 200, 1.9),
    (2250, 150, 240, 1.8),
]
