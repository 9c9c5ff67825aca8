"""Who may do what: credentials, passwords, sessions, rate limits and the policy for node URLs.

``gatekeeper.Gatekeeper`` is the one object that the data plane and the control plane ask; it answers from
memory, without waiting. The store holds hashes only; what a caller shows is hashed and looked up.
"""
