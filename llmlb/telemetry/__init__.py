"""What the router tells about itself: metrics, the live feed, request records, alerts and logs.

``requests``       the record of one exchange, the last 2,000 of them, and how fast they come (``rates``)
``metrics``        every metric, declared once and counted with plain attributes (``histogram``)
``exposition``     the metrics as Prometheus text, fast enough for the event loop
``feed``           what happens to the fleet as a stream with ids that a console can resume (``subscription``)
``alert_rules``    when something deserves a person's attention: one row per rule
``alerts``         which alerts fire now; ``alert_telling`` brings them to the log, a webhook, a command
``logs``           the log: text for people, JSON for collectors; secrets never get into it

Nothing here knows the store or the wire: rows and views go out through callables that the runtime connects.
"""
