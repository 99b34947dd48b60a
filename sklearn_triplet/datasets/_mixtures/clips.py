"""Planned clips in; their sound, (n_clips, n_samples) or one file each, out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from joblib import delayed

from sklearn_triplet.datasets._base import compute_clips
from sklearn_triplet.datasets._mixtures.signals import Mix, MixSettings, render_mix
from sklearn_triplet.datasets._mixtures.sources import Recordings
from sklearn_triplet.datasets._mixtures.splits import OWNER


@dataclass(frozen=True)
class MixedClips:
    """Planned clips to be mixed, in threads that share the decoded recordings.

    Attributes
    ----------
    settings : MixSettings
    recordings : Recordings
    seed : int
        Of the corpus.
    mixes : list of Mix
        One a clip.
    n_jobs : int or None
        Number of threads.
    verbose : int
        Whether to show progress.
    """

    settings: MixSettings
    recordings: Recordings
    seed: int
    mixes: list[Mix]
    n_jobs: int | None
    verbose: int

    def render(self) -> tuple[np.ndarray, list[Mix]]:
        """Mix all clips into one array.

        Returns
        -------
        data : ndarray of shape (n_clips, n_samples), float32
        mixes : list of Mix
            With their gains.
        """
        data = np.empty((len(self.mixes), self.settings.n_samples), dtype=np.float32)

        def keep(clip: int, waveform: np.ndarray) -> None:
            data[clip] = waveform

        return data, self._mix(keep)

    def write(self, files: list[Path]) -> list[Mix]:
        """Mix all clips into files.

        Parameters
        ----------
        files : list of pathlib.Path
            One a clip.

        Returns
        -------
        mixes : list of Mix
            With their gains.
        """

        def keep(clip: int, waveform: np.ndarray) -> None:
            soundfile.write(
                files[clip], waveform, self.settings.sample_rate, subtype="PCM_16"
            )

        return self._mix(keep)

    def _mix(self, keep: Callable[[int, np.ndarray], None]) -> list[Mix]:
        def mix_one(clip: int, mix: Mix) -> Mix:
            waveform, mix = render_mix(self.settings, self.recordings, self.seed, mix)
            keep(clip, waveform)
            return mix

        # numpy, the decoder and the encoder let other threads run meanwhile
        tasks = (delayed(mix_one)(clip, mix) for clip, mix in enumerate(self.mixes))
        n_clips = len(self.mixes)
        return list(
            compute_clips(OWNER, tasks, n_clips, self.n_jobs, self.verbose, "sharedmem")
        )
