"""Pictures of what a model does: ranked results, where it looks, curves."""

from tfsbir.figures.attention_pairs import attention_pairs as attention_pairs
from tfsbir.figures.attribute_bars import attribute_bars as attribute_bars
from tfsbir.figures.class_bars import class_bars as class_bars
from tfsbir.figures.compared_results import compared_results as compared_results
from tfsbir.figures.contact_sheet import Row as Row
from tfsbir.figures.contact_sheet import Tile as Tile
from tfsbir.figures.contact_sheet import contact_sheet as contact_sheet
from tfsbir.figures.domain_scatter import domain_scatter as domain_scatter
from tfsbir.figures.format_bars import format_bars as format_bars
from tfsbir.figures.learning_curves import learning_curves as learning_curves
from tfsbir.figures.loss_curve import loss_curve as loss_curve
from tfsbir.figures.metric_sweep import metric_sweep as metric_sweep
from tfsbir.figures.overlay import attention_peak as attention_peak
from tfsbir.figures.overlay import overlay as overlay
