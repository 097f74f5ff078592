"""The vision tower of `clip` as the vision tower of a BLIP-2: same pictures, same states.

CLIP normalises its patches before the first layer and BLIP-2 does not, and a norm cannot be
folded into the weights around it. So the BLIP-2 tower gets one layer more, in front, whose
MLP adds the normalised patches GAIN times as large: what they were before drowns, and every
later norm takes the factor out again.

`captioner` ships without its tower: models.find("captioner") adds that of `clip` once, as it adds
the embedder to an adapter.
"""
import json
import shutil
from pathlib import Path

TOWER = "vision_model."
GAIN = 512.0            # the states stay inside float16; the error is about 1 / GAIN


def blank(config):
    """A Blip2VisionModel of the shape of CLIP's vision config, with one layer more."""
    from transformers import Blip2VisionConfig
    from transformers.models.blip_2.modeling_blip_2 import Blip2VisionModel

    if config.intermediate_size < 2 * config.hidden_size:
        raise ValueError("the layer in front needs an MLP twice as wide as the states")
    return Blip2VisionModel(Blip2VisionConfig(
        hidden_size=config.hidden_size, intermediate_size=config.intermediate_size,
        num_hidden_layers=config.num_hidden_layers + 1, hidden_act=config.hidden_act,
        num_attention_heads=config.num_attention_heads, image_size=config.image_size,
        patch_size=config.patch_size, layer_norm_eps=config.layer_norm_eps, qkv_bias=True))


def put_in_front(layer, norm) -> None:
    """Make of a layer x + GAIN norm(x): gelu(z) - gelu(-z) = z."""
    import torch

    width = len(norm.weight)
    one = torch.eye(width)
    layer.layer_norm2.load_state_dict(norm.state_dict())
    parts = layer.self_attn.qkv, layer.self_attn.projection, layer.mlp.fc1, layer.mlp.fc2
    for linear in parts:
        linear.weight.zero_()
        linear.bias.zero_()
    layer.mlp.fc1.weight[:2 * width] = torch.cat([one, -one])
    layer.mlp.fc2.weight[:, :2 * width] = GAIN * torch.cat([one, -one], 1)


def copy_layer(new, old) -> None:
    """A layer of CLIP's tower; what it adds becomes GAIN times as large."""
    import torch

    parts = [getattr(old.self_attn, f"{name}_proj") for name in "qkv"]
    new.self_attn.qkv.weight.copy_(torch.cat([p.weight for p in parts]))
    new.self_attn.qkv.bias.copy_(torch.cat([p.bias for p in parts]))
    new.layer_norm1.load_state_dict(old.layer_norm1.state_dict())
    new.layer_norm2.load_state_dict(old.layer_norm2.state_dict())
    new.mlp.fc1.load_state_dict(old.mlp.fc1.state_dict())
    for to, of in ((new.self_attn.projection, old.self_attn.out_proj), (new.mlp.fc2, old.mlp.fc2)):
        to.weight.copy_(GAIN * of.weight)
        to.bias.copy_(GAIN * of.bias)


def from_clip(model):
    """A frozen Blip2VisionModel; its last_hidden_state is CLIP's after post_layernorm."""
    import torch

    old = model.vision_model
    new = blank(old.config)
    with torch.no_grad():
        new.embeddings.class_embedding.copy_(old.embeddings.class_embedding)
        new.embeddings.position_embedding.copy_(old.embeddings.position_embedding.weight)
        new.embeddings.patch_embedding.weight.copy_(old.embeddings.patch_embedding.weight)
        new.embeddings.patch_embedding.bias.zero_()
        put_in_front(new.encoder.layers[0], old.pre_layrnorm)
        for to, of in zip(new.encoder.layers[1:], old.encoder.layers):
            copy_layer(to, of)
        new.post_layernorm.load_state_dict(old.post_layernorm.state_dict())
    return new.eval().requires_grad_(False)


def write_whole(base: Path, part: Path, target: Path) -> None:
    """Write a BLIP-2 folder: the weights of `part`, its tower made from the CLIP in `base`."""
    from safetensors.torch import load_file, save_file
    from transformers import CLIPModel

    tower = from_clip(CLIPModel.from_pretrained(base, dtype="float32")).state_dict()
    weights = {k: v.float() for k, v in load_file(part / "model.safetensors").items()}
    weights |= {TOWER + k: v.contiguous() for k, v in tower.items()}
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    for file in part.iterdir():
        if file.suffix in (".json", ".jinja") and file.name != "log.json":
            shutil.copyfile(file, target / file.name)
    setting = json.loads((target / "config.json").read_text("utf-8"))
    (target / "config.json").write_text(json.dumps(setting | {"dtype": "float32"}, indent=1))


def leave_out(folder: Path) -> None:
    """Take the tower out of the weights of a BLIP-2 folder."""
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    weights = {k: v for k, v in load_file(file).items() if not k.startswith(TOWER)}
    save_file(weights, file.with_suffix(".tmp"), metadata={"format": "pt"})
    file.with_suffix(".tmp").replace(file)
