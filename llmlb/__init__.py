"""llmlb: one OpenAI-compatible endpoint for a fleet of self-hosted LLM engines."""

__version__ = "0.1.0"
