"""How cqlproxy gets into pods: the Helm chart, plain manifests, and what is made of the program for them."""
