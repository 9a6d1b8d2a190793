"""The projections of this project, one module each; ``exports.registry`` discovers them."""
