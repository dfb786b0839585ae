"""Manifests as Helm and kustomize render them, held against schemas, and run as pods on this machine."""
