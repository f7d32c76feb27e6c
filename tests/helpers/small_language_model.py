"""Tiny language models for tests, made in a folder in a moment."""

from reelrank.config.schema import options as complete_options
from reelrank.llm.local import pretraining

WORDS = ["silver fox", "lucky harbor", "noodles and soup", "goal of the day", "kitten naps", "A B C D E F G H"]

#: A template of roles, for tests of conversations.
TEMPLATE = (
    "{% for turn in messages %}<{{ turn.role }}> {{ turn.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}>{% endif %}"
)


def write_small_model(folder, seed=1, texts=WORDS, chat=False, **options):
    """Write an untrained Llama of about 50,000 parameters with a tokenizer of its own; return its folder as str."""
    shape = {"hidden_size": 32, "layers": 2, "heads": 2, "intermediate_size": 64, "vocabulary_size": 400}
    options = complete_options("language_models", "scratch", **{**shape, "seed": seed, **options})
    tokenizer = pretraining.train_tokenizer(texts, options["vocabulary_size"])
    if chat:
        tokenizer.chat_template = TEMPLATE
    model = pretraining.build_model(tokenizer, options)
    # Far from uniform, so that a wrong mask or position shows in the numbers.
    for parameter in model.parameters():
        parameter.data *= 4
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
