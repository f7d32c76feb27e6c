"""Where a dataset's published files come from: the user's folder, an archive, or the web.

No heavy import: Snakemake itself runs this.
"""

from pathlib import Path
from urllib.parse import urljoin

from reelrank.config.fields import FIELD_ROLES
from reelrank.errors import InputError, suggest
from reelrank.plan.paths import Paths, fill

#: Roles that are read whatever the fields, where the dataset has them.
BASIC_ROLES = ("interactions", "users", "genres")

#: Roles that are folders.
FOLDER_ROLES = ("covers", "frames")

#: What the generator of the sample writes as tables.
SAMPLE_TABLES = ("interactions", "titles", "comments", "categories", "likes_and_views")


def needed_roles(dataset, fields):
    """Return the roles that a run with these item fields reads."""
    roles = FIELD_ROLES[dataset["adapter"]]
    wanted = {*BASIC_ROLES, *(roles[field] for field in fields)}
    return [role for role in dataset["files"] if role in wanted]


def raw_path(config, name):
    """Return where the published file or folder `name` is read from: ``raw_dir`` if it is there, else results."""
    own = config.get("raw_dir")
    if own and (Path(own) / name).exists():
        return str(Path(own) / name)
    return fill(Paths().raw, dataset=config["dataset"], name=name)


def raw_files(config):
    """Return the files that the run reads, by role.

    Raises
    ------
    InputError
        If ``raw_dir`` is no folder, or has neither a file nor the archive it comes in; or if a file is missing and
        the dataset says no way to get it.
    """
    dataset, own = config["datasets"][config["dataset"]], config.get("raw_dir")
    if own and not Path(own).is_dir():
        raise InputError(
            f"config key raw_dir: the folder {own!r} does not exist; expected one with the published files"
        )
    return {role: _raw_file(config, role) for role in needed_roles(dataset, config["fields"])}


def published_features(config, encoder):
    """Return the published file of an encoder of type ``published``.

    Raises
    ------
    InputError
        If the dataset has no file of that role, or ``raw_dir`` does not hold it.
    """
    role, files = config["encoders"][encoder]["file"], config["datasets"][config["dataset"]]["files"]
    if role not in files:
        raise InputError(
            f"config key encoders.{encoder}.file: dataset {config['dataset']!r} has no file {role!r}; "
            f"{suggest(role, files)}"
        )
    return _raw_file(config, role)


def _raw_file(config, role):
    dataset, own = config["datasets"][config["dataset"]], config.get("raw_dir")
    name = dataset["files"][role]
    parts = dataset["archives"].get(name, [])
    if own and not (Path(own) / name).exists() and not (parts and (Path(own) / parts[-1]).exists()):
        wanted = " or ".join([repr(name), *(repr(part) for part in parts[-1:])])
        raise InputError(f"config key raw_dir: {own!r} holds no {wanted}, which the {role} are read from")
    path = raw_path(config, name)
    if not ({"generate", "download"} & set(dataset) or Path(path).exists() or _archive_is_there(config, parts)):
        raise InputError(
            f"config key datasets.{config['dataset']}: found no file {name!r}, which the {role} are read from; "
            f"expected it in the folder raw_dir or as {path}, or a key 'download' that says where it comes from"
        )
    return path


def _archive_is_there(config, parts):
    return bool(parts) and all(Path(raw_path(config, part)).exists() for part in parts)


def packed_names(dataset, folders):
    """Return the names that come out of archives: the folders, or the files."""
    of_folders = {dataset["files"][role] for role in FOLDER_ROLES if role in dataset["files"]}
    return [name for name in dataset["archives"] if (name in of_folders) == folders]


def downloads(dataset):
    """Return the names of the files that are downloaded as they are: plain files and parts of archives."""
    if "download" not in dataset:
        return []
    plain = [name for name in dataset["files"].values() if name not in dataset["archives"]]
    return sorted({*plain, *(part for parts in dataset["archives"].values() for part in parts)})


def url_of(dataset, name):
    """Return the address of a published file."""
    base = dataset["download"]["base_url"]
    return urljoin(base if base.endswith("/") else base + "/", name)


class RawFiles:
    """The published files of the run's dataset, as the rules of download.smk ask for them.

    Attributes
    ----------
    dataset : dict
        The definition of the dataset.
    files : dict of str to str
        Paths of the files that the run reads, by role.

    Raises
    ------
    InputError
        See `raw_files`.
    """

    def __init__(self, config):
        self.config, self.dataset = config, config["datasets"][config["dataset"]]
        self.files = raw_files(config)

    @property
    def is_generated(self):
        """Return whether the run makes the raw files itself."""
        return "generate" in self.dataset

    @property
    def sample_tables(self):
        """Return the pattern of each table of the generated dataset, by role."""
        return {role: self._pattern(role) for role in SAMPLE_TABLES}

    @property
    def sample_images(self):
        """Return the pattern of each folder of pictures of the generated dataset, by role."""
        return {role: self._pattern(role) for role in FOLDER_ROLES}

    def _pattern(self, role):
        return fill(Paths().raw, name=self.dataset["files"][role])

    @property
    def downloads(self):
        """Return the names of the files that are downloaded as they are."""
        return downloads(self.dataset)

    @property
    def packed_files(self):
        """Return the names of the files that come out of archives."""
        return packed_names(self.dataset, folders=False)

    @property
    def packed_folders(self):
        """Return the names of the folders that come out of archives."""
        return packed_names(self.dataset, folders=True)

    def url(self, wildcards):
        """Return the address of a file that is downloaded."""
        return url_of(self.dataset, wildcards.name)

    def checks(self, wildcards):
        """Return the size and the digests that are known of a file that is downloaded."""
        return self.dataset["download"]["checks"].get(wildcards.name, {})

    def archive(self, wildcards):
        """Return the parts of the archive that a file or folder comes in."""
        return [raw_path(self.config, part) for part in self.dataset["archives"][wildcards.name]]
