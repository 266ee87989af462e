"""Touches Kubernetes: watches, observes, applies plans, writes status, records Events and metrics.

Knows kopf and the API server; decides nothing that pool could decide.
"""
