"""Makes a tiny real language model as a GGUF file: `python model.py FILE`. Needs only gguf and numpy.

Law: the model knows one word, and after each letter exactly one comes next. Embeddings are one-hot and attention and
feed-forward add nothing, so what is predicted hangs on the last token alone, and greedy sampling spells the word and
ends. No letter of the word may come twice.
"""

import itertools
import sys

import gguf
import numpy as np

WORD = "uncopyrightable"
BEGIN, END = "<|im_start|>", "<|im_end|>"
HEADS, HEAD_SIZE, HIDDEN = 5, 64, 64
WIDTH = HEADS * HEAD_SIZE
CERTAIN = 30.0  # a logit so far above zero that nothing else is sampled
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def alphabet() -> list[str]:
    """A character for each byte, as byte-level vocabularies write them: the printable ones stand for themselves."""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = (byte for byte in range(256) if byte not in shown)
    stand_in = {byte: chr(256 + number) for number, byte in enumerate(others)}
    return [chr(byte) if byte in shown else stand_in[byte] for byte in range(256)]


def next_token_logits(tokens: list[str]) -> np.ndarray:
    """Row: the last token; column: the one that follows."""
    place = {token: number for number, token in enumerate(tokens)}
    newline = alphabet()[ord("\n")]
    path = [newline, *WORD, END]
    logits = np.zeros((len(tokens), len(tokens)), np.float32)
    logits[:, place[WORD[0]]] = CERTAIN / 2  # after anything else, begin
    for here, there in itertools.pairwise(path):
        logits[place[here], :] = 0
        logits[place[here], place[there]] = CERTAIN
    return logits


def write(file: str) -> None:
    tokens = [*alphabet(), BEGIN, END]
    size = len(tokens)
    out = gguf.GGUFWriter(file, "llama")
    out.add_name("one-word")
    out.add_context_length(4096)
    out.add_embedding_length(WIDTH)
    out.add_block_count(1)
    out.add_feed_forward_length(HIDDEN)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_layer_norm_rms_eps(1e-6)
    out.add_rope_dimension_count(HEAD_SIZE)
    out.add_vocab_size(size)
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(tokens)
    out.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * 2)
    out.add_token_merges(["! !"])  # at least one is wanted; no text of the tests has it
    out.add_bos_token_id(size - 2)
    out.add_eos_token_id(size - 1)
    out.add_add_bos_token(False)
    out.add_chat_template(TEMPLATE)
    for name, tensor in tensors(tokens).items():
        out.add_tensor(f"{name}.weight", np.ascontiguousarray(tensor, np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def tensors(tokens: list[str]) -> dict[str, np.ndarray]:
    one_hot = np.eye(len(tokens), WIDTH)
    nothing, inward = np.zeros((WIDTH, WIDTH)), np.zeros((HIDDEN, WIDTH))
    output = np.zeros((len(tokens), WIDTH))
    # The norm turns a one-hot row into the square root of the width.
    output[:, : len(tokens)] = next_token_logits(tokens).T / np.sqrt(WIDTH)
    return {
        "token_embd": one_hot,
        "output_norm": np.ones(WIDTH),
        "output": output,
        "blk.0.attn_norm": np.ones(WIDTH),
        "blk.0.ffn_norm": np.ones(WIDTH),
        "blk.0.attn_q": nothing,
        "blk.0.attn_k": nothing,
        "blk.0.attn_v": nothing,
        "blk.0.attn_output": nothing,
        "blk.0.ffn_gate": inward,
        "blk.0.ffn_up": inward,
        "blk.0.ffn_down": inward.T,
    }


if __name__ == "__main__":
    write(sys.argv[1])
