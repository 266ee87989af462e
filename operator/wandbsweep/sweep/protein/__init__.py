"""`method: protein`, Metta's and PufferLib's search by score and cost: settings, parameters and their space."""
