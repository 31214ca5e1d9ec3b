"""What we see of the mesh: trace context, spans, metrics, logs.

Import from its files: the OpenTelemetry SDK costs a tenth of a second to load, and most commands do not trace.
"""
