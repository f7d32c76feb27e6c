"""Sources of a dataset's published files: the user's folder, an archive, or the web.

No heavy import: Snakemake itself runs this.
"""

from pathlib import Path
from urllib.parse import urljoin

from reelrank.config.fields import FIELD_ROLES
from reelrank.errors import InputError, suggest
from reelrank.plan.paths import Paths, fill

#: Roles that every run reads if the dataset has them.
BASIC_ROLES = ("interactions", "users", "genres")

#: Roles that are folders.
FOLDER_ROLES = ("covers", "frames")

#: Roles of the tables that the sample's generator writes.
SAMPLE_TABLES = ("interactions", "titles", "comments", "categories", "likes_and_views")


def needed_roles(dataset, fields):
    """Return the roles that a run with these item fields reads."""
    roles = FIELD_ROLES[dataset["adapter"]]
    wanted = {*BASIC_ROLES, *(roles[field] for field in fields)}
    return [role for role in dataset["files"] if role in wanted]


def raw_path(config, name):
    """Return the path of the published file or folder `name`: in ``raw_dir`` if it is there, else in results."""
    own = config.get("raw_dir")
    if own and (Path(own) / name).exists():
        return str(Path(own) / name)
    return fill(Paths().raw, dataset=config["dataset"], name=name)


def raw_files(config):
    """Return the files that the run reads, by role.

    Raises
    ------
    InputError
        If ``raw_dir`` is not a folder, if it holds neither a file nor its archive, or if a file is missing and the
        dataset has neither ``download`` nor ``generate``.
    """
    dataset, own = config["datasets"][config["dataset"]], config.get("raw_dir")
    if own and not Path(own).is_dir():
        raise InputError(
            f"config key raw_dir: the folder {own!r} does not exist; expected a folder with the published files"
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
        raise InputError(
            f"config key raw_dir: found no {wanted} in {own!r}; expected it, since the {role} are read from it"
        )
    path = raw_path(config, name)
    if not ({"generate", "download"} & set(dataset) or Path(path).exists() or _archive_is_there(config, parts)):
        raise InputError(
            f"config key datasets.{config['dataset']}: found no file {name!r} with the {role}; expected it in the "
            f"folder raw_dir or as {path}, or a key 'download' with its address"
        )
    return path


def _archive_is_there(config, parts):
    return bool(parts) and all(Path(raw_path(config, part)).exists() for part in parts)


def packed_names(dataset, folders):
    """Return the names of the folders, or of the files, that come from archives."""
    of_folders = {dataset["files"][role] for role in FOLDER_ROLES if role in dataset["files"]}
    return [name for name in dataset["archives"] if (name in of_folders) == folders]


def downloads(dataset):
    """Return the names of the files to download: plain files and parts of archives."""
    if "download" not in dataset:
        return []
    plain = [name for name in dataset["files"].values() if name not in dataset["archives"]]
    return sorted({*plain, *(part for parts in dataset["archives"].values() for part in parts)})


def url_of(dataset, name):
    """Return the address of a published file."""
    base = dataset["download"]["base_url"]
    return urljoin(base if base.endswith("/") else base + "/", name)


class RawFiles:
    """The published files of the run's dataset, for the rules of download.smk.

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
        """Return the expected size and digests of a file that is downloaded, as far as they are known."""
        return self.dataset["download"]["checks"].get(wildcards.name, {})

    def archive(self, wildcards):
        """Return the parts of the archive that holds a file or folder."""
        return [raw_path(self.config, part) for part in self.dataset["archives"][wildcards.name]]
