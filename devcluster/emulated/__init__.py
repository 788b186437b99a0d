"""Emulated member clusters: one process that serves hundreds of API servers, for runs at scale.

They are no Kubernetes: objects live in memory, nothing is defaulted, admitted or run, and what is missing is answered
with 501 and its name. Every answer says so in the header `Emulated`, and every version ends in `-emulated`.
"""
