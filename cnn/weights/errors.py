"""Why weights were refused: a code for programs, a sentence in English and Korean for people."""

from __future__ import annotations

from typing import Any

_EXPORT = (
    "save only the weights: torch.save(model.state_dict(), 'weights.pt') or "
    "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')",
    "가중치만 저장하십시오: torch.save(model.state_dict(), 'weights.pt') 또는 "
    "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')",
)

SENTENCES: dict[str, tuple[str, str]] = {
    "missing": ("There is no file {file}.", "{file} 파일이 없습니다."),
    "too_large": (
        "The file has {size} MB; up to {limit} MB are accepted.",
        "파일이 {size} MB입니다. {limit} MB까지 받습니다.",
    ),
    "empty": ("The file is empty.", "파일이 비어 있습니다."),
    "kind": (
        "This is {found}, not a file of weights; wanted safetensors or a PyTorch state dict (.pt).",
        "이 파일은 가중치가 아니라 {found}입니다. safetensors 또는 PyTorch state dict(.pt)가 필요합니다.",
    ),
    "onnx": (
        "This looks like an ONNX network; open it as a whole network, not as weights.",
        "ONNX 네트워크로 보입니다. 가중치가 아니라 네트워크 전체로 여십시오.",
    ),
    "torchscript": (
        f"This is a TorchScript archive, which contains code; {_EXPORT[0]}, or export the network as ONNX.",
        f"코드가 들어 있는 TorchScript 파일입니다. {_EXPORT[1]}. 네트워크 전체는 ONNX로 내보내십시오.",
    ),
    "exported_program": (
        f"This is a .pt2 exported program; {_EXPORT[0]}, or export the network as ONNX.",
        f".pt2 파일입니다. {_EXPORT[1]}. 네트워크 전체는 ONNX로 내보내십시오.",
    ),
    "pickle": (
        f"This is a pickle, which can contain code, so it is never opened; {_EXPORT[0]}.",
        f"코드가 들어 있을 수 있는 피클 파일이라 열지 않습니다. {_EXPORT[1]}.",
    ),
    "code": (
        f"The file contains code ({{name}}), not only weights, so it was not opened; {_EXPORT[0]}.",
        f"가중치만이 아니라 코드({{name}})가 들어 있어 열지 않았습니다. {_EXPORT[1]}.",
    ),
    "archive": (
        "The archive is not plain: {reason}. Save the weights again with torch.save.",
        "압축 파일의 구조가 올바르지 않습니다: {reason}. torch.save로 다시 저장하십시오.",
    ),
    "header": (
        "The safetensors header is not valid: {reason}.",
        "safetensors 머리글이 올바르지 않습니다: {reason}.",
    ),
    "damaged": ("The file is damaged or incomplete.", "파일이 손상되었거나 불완전합니다."),
    "no_tensors": (
        f"The file holds no weights by name; {_EXPORT[0]}.",
        f"이름이 붙은 가중치가 없습니다. {_EXPORT[1]}.",
    ),
    "tensor": (
        "Tensor {name}: {found}; wanted {wanted}.",
        "텐서 {name}: {found}. {wanted}이(가) 필요합니다.",
    ),
    "too_slow": ("Reading the file took too long.", "파일을 읽는 데 너무 오래 걸렸습니다."),
    "too_much_memory": (
        "Reading the file took too much memory.",
        "파일을 읽는 데 메모리가 너무 많이 듭니다.",
    ),
    "mismatch": (
        "The weights do not fit {model}: {details}",
        "가중치가 {model}에 맞지 않습니다: {details}",
    ),
    "no_architecture": (
        "The weights fit none of the known architectures; nearest is {nearest}: {details}",
        "가중치가 알려진 구조 어느 것에도 맞지 않습니다. 가장 가까운 것은 {nearest}입니다: {details}",
    ),
    "not_finite": (
        "With these weights the network gives numbers that are not finite.",
        "이 가중치로는 네트워크의 출력이 유한하지 않습니다.",
    ),
    "offline": (
        "The weights {file} could not be fetched ({reason}). Bring the file (sha256 begins with {digest}) and "
        "put it into {folder}.",
        "가중치 {file}을(를) 받을 수 없습니다({reason}). sha256이 {digest}(으)로 시작하는 파일을 {folder}에 넣으십시오.",
    ),
    "bad_download": (
        "The file {file} is not the right one (sha256 begins with {found}, wanted {digest}); it was set aside as "
        "{aside}. Fetch it again.",
        "{file} 파일이 올바르지 않습니다(sha256 {found}, 기대값 {digest}). {aside}(으)로 옮겨 두었습니다. 다시 받으십시오.",
    ),
    "disk_full": (
        "The disk is full: {file} needs {needed} MB in {folder}. Nothing else is affected.",
        "디스크가 가득 찼습니다: {file}에 {needed} MB가 필요합니다({folder}). 다른 작업에는 영향이 없습니다.",
    ),
    "not_downloaded": (
        "The weights {file} are not here yet: fetch them, or put the file into {folder}.",
        "가중치 {file}이(가) 아직 없습니다. 받거나 파일을 {folder}에 넣으십시오.",
    ),
    "onnx_invalid": (
        "This is no valid ONNX network: {reason}.",
        "올바른 ONNX 네트워크가 아닙니다: {reason}.",
    ),
    "onnx_external": (
        "The ONNX network keeps its weights in other files; save it as one file (save_as_external_data=False).",
        "ONNX 네트워크의 가중치가 다른 파일에 있습니다. 한 파일로 저장하십시오(save_as_external_data=False).",
    ),
    "onnx_operators": (
        "The ONNX network uses operators that cannot be opened: {operators}.",
        "열 수 없는 ONNX 연산자를 사용합니다: {operators}.",
    ),
    "onnx_input": (
        "The ONNX network must read one picture (N, C, H, W) with 1 or 3 channels, got {found}.",
        "ONNX 네트워크는 채널이 1개 또는 3개인 그림 하나 (N, C, H, W)를 읽어야 합니다. 받은 것: {found}.",
    ),
    "onnx_differs": (
        "The opened network computes something else than onnxruntime does (largest difference {difference}).",
        "연 네트워크의 결과가 onnxruntime과 다릅니다(최대 차이 {difference}).",
    ),
}


class WeightsError(Exception):
    """Weights or a network file that cannot be used.

    Attributes:
        code: a key of ``SENTENCES``.
        values: what the sentence names; text from a file, cut to 60 characters.
        en, ko: the sentence.
    """

    def __init__(self, code: str, **values: Any) -> None:
        self.code = code
        self.values = {name: _cut(value) if name != "details" else value for name, value in values.items()}
        english, korean = SENTENCES[code]
        self.en = english.format(**self.values)
        self.ko = korean.format(**self.values)
        super().__init__(self.en)

    def text(self, language: str) -> str:
        """The sentence in "ko" or, for any other language, English."""
        return self.ko if language == "ko" else self.en


def _cut(value: Any) -> Any:
    if not isinstance(value, str) or len(value) <= 200:
        return value
    return value[:199] + "…"
