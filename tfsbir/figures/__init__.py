"""Pictures of what a model does: ranked results, curves."""

from tfsbir.figures.contact_sheet import Row as Row
from tfsbir.figures.contact_sheet import Tile as Tile
from tfsbir.figures.contact_sheet import contact_sheet as contact_sheet
from tfsbir.figures.loss_curve import loss_curve as loss_curve
