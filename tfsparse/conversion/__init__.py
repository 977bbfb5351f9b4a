"""Conversion: from a trained model to a SavedModel that runs on block-sparse ops."""

from tfsparse.conversion.convert import convert, export
from tfsparse.conversion.converted_model import ConvertedModel
from tfsparse.conversion.report import ConversionReport, OpReport

__all__ = ["ConversionReport", "ConvertedModel", "OpReport", "convert", "export"]
