"""Corpora as a Bunch of paths or waveforms, labels, class names and folds."""
