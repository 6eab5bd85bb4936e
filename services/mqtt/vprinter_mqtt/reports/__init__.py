"""Reports of an idle printer, per model: data written from the facts of real ones, and the rendering of it."""
