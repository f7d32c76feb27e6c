"""The files of features, their texts and their encoders. No heavy import: Snakemake itself runs this."""

from pathlib import Path

from reelrank.config import fields
from reelrank.errors import InputError
from reelrank.plan.paths import description_of, fill
from reelrank.plan.raw_files import published_features, raw_path
from reelrank.plan.redrawing import learned_under

#: The role of the folder that holds the pictures of a field.
FOLDERS = {"cover": "covers", "frames": "frames"}


class Features:
    """The files of item features: one matrix for each encoder and field.

    Parameters
    ----------
    config : dict
        Completed.
    paths : reelrank.plan.paths.Paths
    selection : reelrank.plan.selection.Selection

    Raises
    ------
    InputError
        If the published or imported matrix of an encoder of the run is not there.
    """

    def __init__(self, config, paths, selection):
        self.config, self.paths, self.selection = config, paths, selection
        self.image_fields = list(fields.IMAGE_FIELDS)
        self.text_fields = [name for name in fields.field_names(config) if name not in fields.IMAGE_FIELDS]
        self.read_encoders = selection.encoders_of(*fields.OWN_FIELD_ENCODERS)
        self.words_encoders, self.permuted_encoders = selection.encoders_of("words"), selection.encoders_of("permuted")
        self.trained_encoders = selection.encoders_of(*fields.TRAINED_ENCODERS)
        matrices = selection.encoders_of(*fields.MATRIX_ENCODERS)
        self.computed_encoders = [name for name in config["encoders"] if name not in matrices]
        for encoder in [name for name in self.read_encoders if name in {encoder for encoder, _ in self.used()}]:
            own_matrix(config, encoder)

    def used(self):
        """Return every ``(encoder, field)`` that the run reads, each once, with those that others are made from."""
        diversity = fields.diversity_feature(self.config)
        readers = [(name, "models") for name in self.selection.needed]
        readers += [(name, "rerankers") for name in self.selection.rerankers]
        read = [feature for name, section in readers for feature in fields.features_of(self.config, name, section)]
        read = ([tuple(diversity)] if diversity else []) + read
        made_from = [(name, field) for encoder, field in read for name in fields.with_sources(self.config, encoder)]
        return list(dict.fromkeys(made_from))

    # Paths of matrices.

    def place(self, protocol, encoder, field):
        """Return the folder of a matrix: ``features``, or ``{protocol}/features`` if it depends on training data."""
        learned = learned_under(self.config, protocol)
        return f"{learned}/features" if fields.depends_on_split(self.config, encoder, field) else "features"

    def path(self, wildcards, encoder, field):
        """Return the path of a matrix under a protocol."""
        place = self.place(wildcards.protocol, encoder, field)
        return fill(self.paths.features, wildcards, place=place, encoder=encoder, field=field)

    def _read_by(self, wildcards, name, section):
        return [self.path(wildcards, *feature) for feature in fields.features_of(self.config, name, section)]

    def of_base_model(self, wildcards):
        """Return the matrices that a base model reads."""
        return self._read_by(wildcards, wildcards.base_model, "models")

    def descriptions_of_base_model(self, wildcards):
        """Return the descriptions of the matrices that a base model reads."""
        return [description_of(path) for path in self.of_base_model(wildcards)]

    def of_reranker(self, wildcards):
        """Return the matrices that a re-ranker reads."""
        return self._read_by(wildcards, wildcards.reranker, "rerankers")

    def blocks_of_reranker(self, wildcards):
        """Return the encoder, the field and the encoder's block of each feature that a re-ranker reads."""
        features = fields.features_of(self.config, wildcards.reranker, "rerankers")
        return [(encoder, field, fields.encoder_block(self.config, encoder)) for encoder, field in features]

    def of_tags(self, wildcards):
        """Return the matrix of the pictures that a tag field describes."""
        tags = self.config["tags"][wildcards.field]
        return self.path(wildcards, tags["encoder"], tags["field"])

    def of_diversity(self, wildcards):
        """Return the matrix that diversity is measured with; an empty list if it is not measured."""
        feature = fields.diversity_feature(self.config)
        return self.path(wildcards, *feature) if feature else []

    def descriptions(self, wildcards):
        """Return the descriptions of all features of the run under one protocol."""
        return [description_of(self.path(wildcards, *feature)) for feature in self.used()]

    def clip_reports(self, wildcards):
        """Return the reports of the encoders that the run trains under one protocol."""
        trained = dict.fromkeys(encoder for encoder, _ in self.used() if encoder in self.trained_encoders)
        return [fill(self.paths.clip_report, wildcards, encoder=encoder) for encoder in trained]

    # Sources of matrices.

    def source_fields(self, wildcards):
        """Return the fields that a text field is joined from."""
        return fields.source_fields(self.config, wildcards.field)

    def block(self, wildcards):
        """Return the settings that decide an encoder's vectors."""
        return fields.encoder_block(self.config, wildcards.encoder)

    def texts(self, wildcards):
        """Return the tables with the texts of a matrix, one for each source field."""
        return self._texts(wildcards, _protocol_of(wildcards.place), wildcards.field)

    def texts_of(self, wildcards, field):
        """Return the tables with the texts of a field under a protocol, one for each source field."""
        return self._texts(wildcards, wildcards.protocol, field)

    def _texts(self, wildcards, protocol, field):
        learned = learned_under(self.config, protocol)
        return [
            (
                fill(self.paths.texts, wildcards, protocol=learned, field=source)
                if fields.is_of_training(self.config, source)
                else fill(self.paths.items, wildcards)
            )
            for source in fields.source_fields(self.config, field)
        ]

    def encoder_weights(self, wildcards):
        """Return the weights of a matrix's encoder; an empty list if this run does not train it."""
        return self._weights(wildcards, _protocol_of(wildcards.place), wildcards.encoder)

    def weights_of(self, wildcards, encoder):
        """Return the weights of an encoder under a protocol; an empty list if this run does not train it."""
        return self._weights(wildcards, wildcards.protocol, encoder)

    def _weights(self, wildcards, protocol, encoder):
        if encoder not in self.trained_encoders:
            return []
        learned = learned_under(self.config, protocol)
        return fill(self.paths.clip_weights, wildcards, protocol=learned, encoder=encoder)

    def given_files(self, wildcards):
        """Return the user's own files that an encoder loads; if they change, its vectors change."""
        return given_files(self.config["encoders"][wildcards.encoder])

    def images(self, wildcards):
        """Return the folder of the pictures of a field."""
        return self._folder(wildcards.field)

    def covers(self, wildcards):
        """Return the folder of the covers."""
        return self._folder("cover")

    def _folder(self, field):
        return raw_path(self.config, self.config["datasets"][self.config["dataset"]]["files"][FOLDERS[field]])

    def own_matrix(self, wildcards):
        """Return the file of the matrix of an encoder that was published or is the user's own."""
        return own_matrix(self.config, wildcards.encoder)

    def source_matrix(self, wildcards):
        """Return the matrix that a matrix is made from; an empty list if there is none."""
        source = fields.source_encoder(self.config, wildcards.encoder)
        if not source:
            return []
        place = self.place(_protocol_of(wildcards.place), source, wildcards.field)
        return fill(self.paths.features, wildcards, place=place, encoder=source)

    def source_description(self, wildcards):
        """Return the description of `source_matrix`; an empty list if there is none."""
        matrix = self.source_matrix(wildcards)
        return description_of(matrix) if matrix else []

    def item_statistics(self, wildcards):
        """Return the popularity of items in training, under the protocol of a matrix."""
        return fill(self.paths.item_statistics, wildcards, protocol=_protocol_of(wildcards.place))

    def clip_options(self, wildcards):
        """Return the training options of an encoder."""
        block = self.config["encoders"][wildcards.encoder]
        return {key: value for key, value in block.items() if key != "pooling"}

    # Tags of pictures.

    def tags(self, wildcards):
        """Return the block of a tag field."""
        return self.config["tags"][wildcards.field]

    def block_of_tags(self, wildcards):
        """Return the settings that decide the vectors of a tag field's encoder."""
        return fields.encoder_block(self.config, self.tags(wildcards)["encoder"])

    def weights_of_tags(self, wildcards):
        """Return the weights of a tag field's encoder; an empty list if this run does not train it."""
        return self._weights(wildcards, wildcards.protocol, self.tags(wildcards)["encoder"])

    def given_files_of_tags(self, wildcards):
        """Return the user's own files that a tag field's encoder loads."""
        return given_files(self.config["encoders"][self.tags(wildcards)["encoder"]])


def own_matrix(config, encoder):
    """Return the file of an encoder of type ``published`` or ``imported``.

    Raises
    ------
    InputError
        If there is no such file.
    """
    block = config["encoders"][encoder]
    if block["type"] == "published":
        return published_features(config, encoder)
    if not Path(block["path"]).is_file():
        raise InputError(
            f"config key encoders.{encoder}.path: the file {block['path']!r} does not exist; expected a matrix with a "
            "row for each item"
        )
    return block["path"]


def given_files(block):
    """Return the files of weights that a block names, also those in folders; a name on the hub has none."""
    paths = [Path(block[key]) for key in ("model", "adapter", "pretrained") if isinstance(block.get(key), str)]
    inside = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
    return [str(file) for file in inside if file.is_file()]


def _protocol_of(place):
    """Return the protocol in a place of features; an empty text for the place that all protocols share."""
    return place.rpartition("/")[0]
