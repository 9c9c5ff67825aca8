"""The messages between processes: what nodes and operators send, and what the router answers.

Frozen pydantic models, one file per noun. What a node sends ignores unknown fields (an agent may be newer than the
router); what an operator sends refuses them (a misspelt field must not pass for a change). Every text is stripped of
control and bidirectional characters on its way in, every list and number is bounded.
"""
