"""A fitted estimator or Pipeline in, one file without code in it out; and back.

The file is a zip without compression. Its first member, ``model.json``, holds what is
no array: parameters, fitted attributes, the history, names of classes. Each array, the
weights of nets included, is a member in numpy's own format, ``0.npy`` and so on. The
comment of the zip is the SHA-256 of all bytes before it. So neither pickle nor a
library beyond numpy is needed, and ``numpy.load(path)["0"]`` reads a single array.

In the JSON, what JSON knows stands for itself; anything else is an object of one key,
or one for its kind and some for its parts, such as ``{"array": 0}``, a member, or
``{"object": "sklearn.StandardScaler", "state": ...}``.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import importlib
import inspect
import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar, overload

import joblib
import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import (
    BaseCrossValidator,
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.multiclass import OneVsRestClassifier, _ConstantPredictor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer, Normalizer, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from torch import nn

from sklearn_triplet._embedder import TripletEmbedder
from sklearn_triplet._features.log_mel import LogMel
from sklearn_triplet._input.clips import FrameScaler
from sklearn_triplet._input.warn import warn
from sklearn_triplet._model_selection.folds import UnlabeledInTrain
from sklearn_triplet._model_selection.labeled_only import LabeledOnly
from sklearn_triplet._model_selection.pseudo_labeled import PseudoLabeled
from sklearn_triplet._model_selection.stratification import MultilabelStratifiedKFold
from sklearn_triplet._model_selection.thresholds import TunedThresholds
from sklearn_triplet._sampling import augmentations, negatives, positives, transforms
from sklearn_triplet._sampling.negatives import NegativeSelector
from sklearn_triplet._sampling.positives import PositiveSelector
from sklearn_triplet._sampling.strategies import Strategy
from sklearn_triplet._sampling.transforms import Transformation
from sklearn_triplet._taggers import CRNNTagger, SequenceTagger
from sklearn_triplet._training.checkpoint import find_versions, write_whole
from sklearn_triplet._training.encoding import ENCODERS
from sklearn_triplet._training.estimator import ClipsEstimator
from sklearn_triplet._triplet_tagger import TripletTagger

Model = TypeVar("Model", bound=BaseEstimator)

FORMAT = 1  # what save_model writes, and the newest that load_model reads
INDEX = "model.json"
DIGEST = 64  # letters of a SHA-256 in hexadecimal
# folders of the machine that trained: no use elsewhere, and what a file says of
# folders shall not decide what is read from them
PLACES = "memory", "checkpoint"
TABLES = "pandas", "polars"


def _name_short(kinds: Iterable[type]) -> dict[str, type]:
    """Name classes by library and name: in which module they lie may change.

    Parameters
    ----------
    kinds : iterable of type

    Returns
    -------
    named : dict of str to type
        As ``{"sklearn.Pipeline": Pipeline}``. These names stand in files that others
        have: a class may move, but not change its name without an entry for the old.
    """
    return {f"{kind.__module__.partition('.')[0]}.{kind.__name__}": kind
            for kind in kinds}  # fmt: skip


def _find_kinds(module: object, kind: type) -> list[type]:
    """Return the classes of a kind that a module holds.

    Parameters
    ----------
    module : module
    kind : type
        They are it, or inherit from it.

    Returns
    -------
    kinds : list of type
        Also those that the module imports; a name twice does no harm.
    """
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, kind)
    ]


# whose instances a file may hold without the reader's consent: nothing but attributes
# is set on them, and none acts on what it holds before it is asked to
OBJECTS = _name_short(
    [
        TripletEmbedder,
        TripletTagger,
        SequenceTagger,
        CRNNTagger,
        LogMel,
        FrameScaler,
        LabeledOnly,
        PseudoLabeled,
        TunedThresholds,
        UnlabeledInTrain,
        MultilabelStratifiedKFold,
        Strategy,
        *_find_kinds(positives, PositiveSelector),
        *_find_kinds(negatives, NegativeSelector),
        *_find_kinds(transforms, Transformation),
        *_find_kinds(augmentations, Transformation),
        Pipeline,
        FrozenEstimator,
        StandardScaler,
        Normalizer,
        LogisticRegression,
        RidgeClassifier,
        LinearSVC,
        OneVsRestClassifier,
        # what OneVsRestClassifier is made of, the last for a class without a row
        LabelBinarizer,
        _ConstantPredictor,
        KFold,
        StratifiedKFold,
        GroupKFold,
        StratifiedGroupKFold,
    ]
)
# which classes a parameter may be without it
NAMES = _name_short(
    [*ENCODERS.values(), *_find_kinds(torch.optim, torch.optim.Optimizer)]
)


def _identify(thing: Any) -> str:
    """Return the name of a class or function: short where known, else in full.

    Parameters
    ----------
    thing : class or function

    Returns
    -------
    name : str
        As ``"sklearn.Pipeline"``, or ``"my_package.my_module:MyEncoder"``.
    """
    for name, kind in (*OBJECTS.items(), *NAMES.items()):
        if kind is thing:
            return name
    # the colon tells both sorts apart: no file can pass its own class for one of ours
    return f"{thing.__module__}:{thing.__qualname__}"


def save_model(estimator: BaseEstimator, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator or Pipeline to a file that holds no code.

    Unlike a pickle the file can be given to strangers, and taken from them: reading it
    executes nothing.

    Parameters
    ----------
    estimator : estimator
        Fitted: ``TripletEmbedder``, ``TripletTagger``, ``SequenceTagger``,
        ``CRNNTagger``, ``LogMel``, ``LabeledOnly``, ``PseudoLabeled``,
        ``TunedThresholds``, ``Pipeline`` and ``FrozenEstimator`` of these, with
        ``StandardScaler``, ``Normalizer``, ``LogisticRegression``, ``RidgeClassifier``,
        ``LinearSVC`` and ``OneVsRestClassifier``. Any other estimator of which all
        attributes are numbers, text and arrays can be written too; to read it the
        reader has to hand over its class. Of a search, give its ``best_estimator_``.
    path : str or path-like
        Of the file. One that exists is replaced once the new one is whole.

    Raises
    ------
    ValueError
        Where something in ``estimator`` cannot be written without code, such as a
        lambda, or where parameters were set after the fit that its net was not
        built with.
    NotFittedError
        Where it is not fitted.

    Warns
    -----
    UserWarning
        Where ``memory`` or ``checkpoint`` names a folder, which is not kept.

    See Also
    --------
    load_model : Reads what this writes.

    Notes
    -----
    Encoders, transformations, selectors and callbacks of one's own are written by
    module and name, with their attributes; their code is not.

    The history is kept, the optimizer's averages are not: ``partial_fit`` and
    ``warm_start`` go on after loading from the same weights with a new optimizer.
    Of training data a file holds what the attributes hold: ``pseudo_labels_``, what
    selectors have prepared, and one row in ``LabeledOnly``, ``PseudoLabeled`` and
    ``TunedThresholds``, of which they ask where nothing else could be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn_triplet import TripletEmbedder, load_model, save_model
    >>> X = np.random.default_rng(0).normal(size=(8, 64, 100))
    >>> embedder = TripletEmbedder("s1", max_epochs=1, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(embedder, Path(folder) / "embedder.model")
    ...     loaded = load_model(Path(folder) / "embedder.model")
    >>> np.array_equal(loaded.transform(X), embedder.transform(X))
    True
    """
    if not isinstance(estimator, BaseEstimator):
        raise ValueError(
            "The 'estimator' parameter of save_model must be a fitted estimator or "
            f"Pipeline. Got {estimator!r} instead."
        )
    check_is_fitted(estimator)
    writer = _Writer()
    model = writer.encode(estimator, type(estimator).__name__)
    if writer.places:
        warn(
            f"{len(writer.places)} folders of this machine are not kept in the file: "
            f"{writer.places}. They are None after load_model; set them anew."
        )
    index = {"format": FORMAT, "versions": find_versions(), "model": model}
    write_whole(
        Path(path), _pack({INDEX: json.dumps(index).encode(), **writer.members})
    )


@overload
def load_model(
    path: str | os.PathLike[str],
    *,
    expected: type[Model],
    trusted: Iterable[Callable[..., Any]] = (),
) -> Model: ...


@overload
def load_model(
    path: str | os.PathLike[str],
    *,
    expected: None = None,
    trusted: Iterable[Callable[..., Any]] = (),
) -> Any: ...


def load_model(
    path: str | os.PathLike[str],
    *,
    expected: type[Model] | None = None,
    trusted: Iterable[Callable[..., Any]] = (),
) -> Any:
    """Read what ``save_model`` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : str or path-like
        Of the file.
    expected : class, default=None
        What the model has to be, such as ``TripletTagger``. ``None``: anything.
    trusted : iterable of classes and functions, default=()
        That the model may use beside those of this library and the few of others that
        ``save_model`` lists: encoders, selectors, transformations and callbacks of
        one's own, and callbacks of skorch, some of which read and write files. What
        is not handed over here is never imported.

    Returns
    -------
    estimator : estimator
        Fitted. What it predicts is what the one that was written predicts, bit by bit
        with the same versions of the libraries, processor and number of threads.

    Raises
    ------
    ValueError
        Where the file is no model, was cut or altered, is of a newer format, holds
        another class than ``expected``, or names one that is not ``trusted``.

    Warns
    -----
    UserWarning
        Where the net was on a device that this machine lacks: it is on the CPU then.

    See Also
    --------
    save_model : Writes the file, and says what is in it.

    Notes
    -----
    The checksum tells of accidents. It is no signature: who alters a file on purpose
    can write another. Then the model may predict nonsense, or be too large for the
    memory, but still no code of the file is run.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_triplet import LabeledOnly, load_model, save_model
    >>> classifier = LabeledOnly(LogisticRegression())
    >>> classifier = classifier.fit([[0.0], [1.0], [2.0]], ["low", -1, "high"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(classifier, Path(folder) / "classifier.model")
    ...     loaded = load_model(Path(folder) / "classifier.model", expected=LabeledOnly)
    >>> loaded.predict([[3.0]]).tolist()
    ['high']
    """
    known = {_identify(_check_trusted(thing)): thing for thing in trusted}
    index, archive = _unpack(path)
    written = ", ".join(f"{name} {v}" for name, v in index["versions"].items())
    try:
        model = _Reader(path, archive, known).decode(index["model"])
    # what only a file can bring about that save_model has not written, or that other
    # versions of the libraries read otherwise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError,
            zipfile.BadZipFile) as error:  # fmt: skip
        raise ValueError(
            f"{os.fspath(path)!r} cannot be read as a model: its content led to a "
            f"{type(error).__name__}. It was written with {written}: try with these "
            "versions."
        ) from error
    if expected is not None and not isinstance(model, expected):
        raise ValueError(
            f"{os.fspath(path)!r} holds a {type(model).__name__}, and a "
            f"{expected.__name__} was expected. Give the file of one, or leave "
            "'expected' out."
        )
    return model


def _check_trusted(thing: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse instances and names where classes and functions are wanted.

    Parameters
    ----------
    thing : object
        One of ``trusted``.

    Returns
    -------
    thing : class or function

    Raises
    ------
    ValueError
        Where it is neither: a text, above all, since nothing is imported by name.
    """
    if not callable(thing) or not hasattr(thing, "__qualname__"):
        raise ValueError(
            "The 'trusted' parameter of load_model must hold classes and functions. "
            f"Got {thing!r} instead."
        )
    return thing


def _pack(members: Mapping[str, bytes]) -> bytes:
    """Return a zip of members whose comment is the checksum of all before it.

    Parameters
    ----------
    members : dict of str to bytes

    Returns
    -------
    data : bytes
        The same for the same members: no time of day is in it.
    """
    stream = io.BytesIO()
    # not compressed: weights hardly shrink, and no small file can fill a memory
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.comment = b" " * DIGEST
    data = stream.getvalue()[:-DIGEST]
    return data + hashlib.sha256(data).hexdigest().encode()


def _unpack(path: str | os.PathLike[str]) -> tuple[dict[str, Any], zipfile.ZipFile]:
    """Check a file, and return its JSON and its members.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    index : dict
        With the keys ``format``, ``versions`` and ``model``.
    archive : zipfile.ZipFile
        In memory.

    Raises
    ------
    ValueError
        Where it is no model, cut, altered or newer.
    """
    data, name = Path(path).read_bytes(), repr(os.fspath(path))
    # 30 bytes stand before the name of the first member of a zip
    if not data.startswith(b"PK\3\4") or data[30 : 30 + len(INDEX)] != INDEX.encode():
        raise ValueError(
            f"{name} is no model file. Give one that save_model has written; for a "
            "pickle use joblib.load, if you trust who made it."
        )
    if hashlib.sha256(data[:-DIGEST]).hexdigest().encode() != data[-DIGEST:]:
        raise ValueError(
            f"{name} was cut or altered: its checksum is not that of its content. "
            "Fetch or copy it once more."
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        # before anything is read: what is packed may be of any size
        if any(info.compress_type or info.flag_bits & 1 for info in archive.infolist()):
            raise ValueError("save_model packs and encrypts nothing")
        index = json.loads(archive.read(INDEX))
        is_newer = index["format"] > FORMAT
    except (zipfile.BadZipFile, LookupError, RecursionError, TypeError,
            ValueError) as error:  # fmt: skip
        raise ValueError(f"{name} is no model file: {error}.") from error
    if is_newer:
        raise ValueError(
            f"{name} is of format {index['format']}, and this version reads formats up "
            f"to {FORMAT}. Install a newer sklearn-triplet; it was written with "
            f"{index.get('versions')}."
        )
    if not isinstance(index.get("versions"), dict) or "model" not in index:
        raise ValueError(f"{name} is no model file: save_model writes no such index.")
    return index, archive


class _Writer:
    """Turns values into JSON, and collects their arrays.

    Attributes
    ----------
    members : dict of str to bytes
        By the name of the member.
    places : list of str
        Folders that were left out, as ``LogMel.memory='features'``.
    """

    def __init__(self) -> None:
        self.members: dict[str, bytes] = {}
        self.places: list[str] = []

    def encode(self, value: Any, where: str) -> Any:
        """Return what stands for a value in the JSON.

        Parameters
        ----------
        value : object
        where : str
            Whose attribute it is, for messages.

        Raises
        ------
        ValueError
            Where it can only be written as code.
        """
        # by exact type: numpy's numbers are Python's too, and would come back as these
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        # not what inherits from it: a masked array would lose its mask
        if type(value) in (np.ndarray, np.memmap) or isinstance(value, np.generic):
            return self._encode_array(value, where)
        if type(value) is list:
            return self._encode_all(value, where)
        if type(value) is tuple:
            return {"tuple": self._encode_all(value, where)}
        if isinstance(value, dict):
            # not as an object of JSON, whose keys are all text
            return {"dict": [self._encode_all(item, where) for item in value.items()]}
        return self._encode_rare(value, where)

    def _encode_all(self, values: Iterable[Any], where: str) -> list[Any]:
        """Return what stands for each of several values."""
        return [self.encode(value, where) for value in values]

    def _encode_array(self, array: np.ndarray | np.generic, where: str) -> Any:
        """Write an array as a member, or one of Python's objects as JSON.

        Parameters
        ----------
        array : ndarray or scalar of numpy
            Text of fixed length is a member too; of any length, or beside -1, it is an
            array of objects.
        where : str
            As in ``encode``.
        """
        # as an array without axes: np.float32 must not come back as a float of Python
        if isinstance(array, np.generic):
            return {"scalar": self._encode_array(np.asarray(array), where)}
        if array.dtype.hasobject:
            values = self._encode_all(array.ravel().tolist(), where)
            return {"objects": values, "shape": list(array.shape)}
        stream = io.BytesIO()
        # keeps the order of axes in memory, by which products of matrices round
        np.lib.format.write_array(stream, np.asarray(array), (1, 0), allow_pickle=False)
        number = len(self.members)
        self.members[f"{number}.npy"] = stream.getvalue()
        return {"array": number}

    def _encode_rare(self, value: Any, where: str) -> Any:
        """Return what stands for anything that is neither a number nor a container.

        Parameters
        ----------
        value : object
            Classes and functions are named; objects are taken apart into attributes.
        where : str
            As in ``encode``.

        Raises
        ------
        ValueError
            Where it is of no kind that is known.
        """
        if isinstance(value, torch.device):
            return {"device": str(value)}
        if isinstance(value, np.random.RandomState):
            state = value.get_state(legacy=False)
            return {"random_state": self.encode(state, where)}
        if isinstance(value, functools.partial):
            return {
                "partial": self._encode_name(value.func, where),
                "args": self._encode_all(value.args, where),
                "keywords": self.encode(value.keywords, where),
            }
        if hasattr(value, "__qualname__") and callable(value):
            return {"name": self._encode_name(value, where)}
        if isinstance(
            value, BaseEstimator | BaseCrossValidator | Callback | FrameScaler
        ):
            return self._encode_object(value, type(value).__name__)
        library = type(value).__module__.partition(".")[0]
        if library in TABLES and hasattr(value, "columns"):
            columns = [(name, np.asarray(value[name])) for name in value.columns]
            return {"table": library, "columns": self.encode(columns, where)}
        raise ValueError(
            f"{where} holds {value!r}, a {type(value).__name__}, which save_model "
            "cannot write without code. Set another, or use joblib.dump among people "
            "who trust each other."
        )

    def _encode_name(self, thing: Any, where: str) -> str:
        """Return the name of a class or function; a lambda has none to be found by.

        Parameters
        ----------
        thing : class or function
        where : str
            As in ``encode``.

        Raises
        ------
        ValueError
            Where it is a lambda: all of a module have one name.
        """
        name = getattr(thing, "__qualname__", "<lambda>")
        if name.endswith("<lambda>"):
            raise ValueError(
                f"{where} holds {thing!r}, which has no name that a reader could hand "
                "it over by. Write it as a function or class of a module."
            )
        return _identify(thing)

    def _encode_object(self, value: Any, where: str) -> Any:
        """Write the attributes of an object, and the net of an estimator.

        Of a callback only the parameters: every fit works on clones of it.

        Parameters
        ----------
        value : object
            An estimator, selector, transformation, splitter, scaler or callback.
        where : str
            Its class, for messages about its attributes.

        Returns
        -------
        node : dict
            ``object``, the name of its class; ``state``, its attributes; and of an
            estimator with a net ``weights`` and ``history``.
        """
        state = dict(vars(value))
        if isinstance(value, Callback):
            state = value.get_params(deep=False)
        net = state.pop("net_", None) if isinstance(value, ClipsEstimator) else None
        for name in PLACES:
            if _is_place(state.get(name)):
                self.places.append(f"{where}.{name}={state[name]!r}")
                state[name] = None
        node: dict[str, Any] = {
            "object": self._encode_name(type(value), where),
            "state": {
                name: self.encode(part, f"{where}.{name}")
                # not in the order of a fit: the same model is the same file
                for name, part in sorted(state.items())
            },
        }
        if net is not None:
            _check_rebuilt(value, net.module_)
            weights = _to_arrays(net.module_, f"{where}.net_")
            node["weights"] = self.encode(weights, f"{where}.net_")
            node["history"] = self.encode(list(net.history), f"{where}.history_")
        return node


def _is_place(value: object) -> bool:
    """Whether a value of one of ``PLACES`` is a folder, not data of that name."""
    return isinstance(value, str | os.PathLike | joblib.Memory)


def _to_arrays(module: nn.Module, where: str) -> dict[str, np.ndarray]:
    """Return the weights and buffers of a module, by name.

    Parameters
    ----------
    module : nn.Module
        On any device.
    where : str
        Whose it is, for the message.

    Raises
    ------
    ValueError
        Where numpy has no such type, as of bfloat16, or the module keeps objects.
    """
    arrays = {}
    for name, weight in module.state_dict().items():
        try:
            arrays[name] = weight.cpu().numpy()
        except (AttributeError, TypeError) as error:
            raise ValueError(
                f"{where} has {name!r} of {getattr(weight, 'dtype', type(weight))}, "
                "which save_model cannot write: numpy has no such type. Let the "
                "encoder keep its weights in float32."
            ) from error
    return arrays


def _check_rebuilt(estimator: ClipsEstimator, module: nn.Module) -> None:
    """Refuse an estimator whose parameters no longer build the net that it has.

    Parameters
    ----------
    estimator : ClipsEstimator
        Fitted; stays as it is.
    module : nn.Module
        That of its net.

    Raises
    ------
    ValueError
        Where ``set_params`` after the fit has changed the structure.
    """
    # a copy, since building a network sets n_components_
    rebuilt = _describe(copy.copy(estimator)._rebuild_module())
    trained = _describe(module)
    names = rebuilt.keys() | trained.keys()
    changed = sorted(n for n in names if rebuilt.get(n) != trained.get(n))
    if changed:
        name = changed[0]
        raise ValueError(
            f"The parameters of {type(estimator).__name__} were changed after its fit: "
            f"they describe another network than it has, with {name} "
            f"{rebuilt.get(name)!r} instead of {trained.get(name)!r}. Set them back, "
            "or fit anew, before save_model."
        )


def _describe(module: nn.Module) -> dict[str, object]:
    """Return the shapes of weights, and the settings of layers that have none.

    Two modules of one description do the same with the same weights: kernels show in
    the shapes, and strides, poolings and numbers of frames in the settings.

    Parameters
    ----------
    module : nn.Module

    Returns
    -------
    description : dict of str to object
        Shapes by the names of weights; numbers and text by those of attributes.
    """
    description: dict[str, object] = {
        name: tuple(weight.shape) for name, weight in module.state_dict().items()
    }
    for path, part in module.named_modules():
        library = type(part).__module__.partition(".")[0]
        # an encoder of the user's may count or note what it likes
        if library in ("torch", "sklearn_triplet"):
            for name, value in vars(part).items():
                if isinstance(value, int | float | str) and name != "training":
                    description[f"{path}.{name}"] = value
    return description


class _Reader:
    """Turns JSON back into values.

    Parameters
    ----------
    path : str or path-like
        Of the file, for messages.
    archive : zipfile.ZipFile
        Whose members are the arrays.
    trusted : dict of str to class or function
        What the reader has handed over, by the names that a file gives them.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        archive: zipfile.ZipFile,
        trusted: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.path = os.fspath(path)
        self.archive = archive
        self.trusted = trusted
        self.partials: dict[str, functools.partial[Any]] = {}
        self.kinds: dict[str, Callable[[dict[str, Any]], Any]] = {
            "float": lambda node: float(node["float"]),
            "tuple": lambda node: tuple(self.decode(node["tuple"])),
            "dict": lambda node: dict(self.decode(node["dict"])),
            "array": self._decode_array,
            "scalar": lambda node: self.decode(node["scalar"])[()],
            "objects": self._decode_objects,
            "device": lambda node: torch.device(node["device"]),
            "random_state": self._decode_random_state,
            "partial": self._decode_partial,
            "name": lambda node: self._find(node["name"], NAMES),
            "object": self._decode_object,
            "table": self._decode_table,
        }

    def decode(self, node: Any) -> Any:
        """Return the value that a part of the JSON stands for.

        Parameters
        ----------
        node : object
            What ``_Writer.encode`` returned, or whatever else a file holds there.

        Returns
        -------
        value : object

        Raises
        ------
        ValueError
            Where it names code that is not trusted, or is not what it says.
        """
        if isinstance(node, list):
            return [self.decode(part) for part in node]
        if isinstance(node, dict):
            # the first key says what it is
            return self.kinds[next(iter(node), "")](node)
        return node

    def _decode_array(self, node: dict[str, Any]) -> np.ndarray:
        """Read a member, of which the header must not promise more than there is.

        Numpy makes room for what a header says before it reads; and of objects it
        would find a pickle, which ``allow_pickle=False`` refuses once more.

        Parameters
        ----------
        node : dict
            ``array``, the number of the member.
        """
        data = self.archive.read(f"{int(node['array'])}.npy")
        stream = io.BytesIO(data)
        np.lib.format.read_magic(stream)
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        size = dtype.itemsize * math.prod(shape)
        if dtype.hasobject or size != len(data) - stream.tell():
            self._refuse(f"array {node['array']} is not what its header says")
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)

    def _decode_objects(self, node: dict[str, Any]) -> np.ndarray:
        """Return an array of Python's objects, such as names beside -1.

        Parameters
        ----------
        node : dict
            ``objects``, row by row, and ``shape``.
        """
        values = self.decode(node["objects"])
        array = np.empty(len(values), dtype=object)
        # one by one: numpy would make another axis of lists
        for i, value in enumerate(values):
            array[i] = value
        return array.reshape(node["shape"])

    def _decode_random_state(self, node: dict[str, Any]) -> np.random.RandomState:
        """Return a generator that goes on where the stored one stood."""
        generator = np.random.RandomState()
        generator.set_state(self.decode(node["random_state"]))
        return generator

    def _decode_partial(self, node: dict[str, Any]) -> functools.partial[Any]:
        """Return one partial for all that are alike: they are compared by identity."""
        key = json.dumps(node)
        if key not in self.partials:
            function = self._find(node["partial"], NAMES)
            args, keywords = self.decode(node["args"]), self.decode(node["keywords"])
            self.partials[key] = functools.partial(function, *args, **keywords)
        return self.partials[key]

    def _decode_table(self, node: dict[str, Any]) -> Any:
        """Return a DataFrame: the row that is kept of an X with names of columns.

        Parameters
        ----------
        node : dict
            ``table``, the library, one of two; ``columns``, pairs of name and values.
        """
        if node["table"] not in TABLES:
            self._refuse(f"{node['table']!r} is no library of tables")
        library = importlib.import_module(node["table"])
        return library.DataFrame(dict(self.decode(node["columns"])))

    def _decode_object(self, node: dict[str, Any]) -> Any:
        """Return an object with the attributes that the file gives it.

        Its ``__init__`` is not called, for that of a class of the reader's may do more
        than store; parameters that are younger than the file have their defaults.

        Parameters
        ----------
        node : dict
            What ``_Writer._encode_object`` returned.

        Returns
        -------
        value : object
            With its net, if it had one, on its device.
        """
        kind = self._find(node["object"], OBJECTS)
        parameters = inspect.signature(kind.__init__).parameters.values()
        state = {p.name: p.default for p in parameters if p.default is not p.empty}
        state |= {name: self.decode(part) for name, part in node["state"].items()}
        # not from save_model, which writes no folders
        if any(_is_place(state.get(name)) for name in PLACES):
            self._refuse(f"its {node['object']} names a folder")
        value = kind.__new__(kind)
        vars(value).update(state)
        if isinstance(value, ClipsEstimator) and "weights" in node:
            weights = self.decode(node["weights"])
            value._restore_net(
                {name: torch.from_numpy(weight) for name, weight in weights.items()},
                self.decode(node["history"]),
            )
        return value

    def _refuse(self, why: str) -> NoReturn:
        """Refuse what has the right checksum and is not from ``save_model``."""
        raise ValueError(f"{self.path!r} cannot be read as a model: {why}.")

    def _find(self, name: str, known: Mapping[str, type]) -> Any:
        """Return the class or function of a name: ours, or one that is trusted.

        Parameters
        ----------
        name : str
            As ``_identify`` returns it.
        known : dict of str to type
            ``OBJECTS`` or ``NAMES``: what may be made, and what may only be named.

        Raises
        ------
        ValueError
            Where it is neither.
        """
        found = known.get(name, self.trusted.get(name))
        if found is None:
            module, _, short = name.rpartition(":")
            raise ValueError(
                f"{self.path!r} needs {short!r} of the module {module!r}, which "
                "load_model does not import by itself. If you have it and trust it, "
                f"hand it over: load_model(path, trusted=[{short}])."
            )
        return found
