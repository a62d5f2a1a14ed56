"""Workloads of shared/performance.md, measured on this machine: `python -m bench`.

Like the sandbox it speaks HTTP and SQL only and imports none of the product's rooms.
"""
