"""The rules of the balancer: pure, synchronous, clockless.

Four laws hold here. Time (``now_s``, monotonic seconds) and chance (``rng``) are arguments. No mutation awaits, so each
one is atomic on the event loop. Methods decide and return effects (changes, grants); the caller logs, counts,
persists and closes. Policies see eligible candidates only, and eligibility is decided once, in ``fleet.py``.
"""
