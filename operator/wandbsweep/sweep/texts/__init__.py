"""YAML and JSON as users write them and as Python and Kubernetes read them: values, places, numbers, spelling."""
