"""Reading models in one forward pass: reward models, and the likelihood of texts."""
