import torch

from cnn.models.lenet5 import LeNet5


def test_M1_lenet5_has_the_shapes_of_the_lectures_table():
    model, shapes = LeNet5(), {}
    for name, module in model.named_children():
        module.register_forward_hook(lambda m, i, o, name=name: shapes.__setitem__(name, tuple(o.shape[1:])))
    model(torch.zeros(1, 1, 32, 32))
    table = {
        "c1": (6, 28, 28),
        "s2": (6, 14, 14),
        "c3": (16, 10, 10),
        "s4": (16, 5, 5),
        "c5": (120, 1, 1),
        "f6": (84,),
        "output": (10,),
    }
    assert {name: shapes[name] for name in table} == table


def test_M1_lenet5_has_the_parameters_of_a_hand_count():
    by_hand = {
        "c1": 6 * 25 + 6,
        "c3": 16 * 6 * 25 + 16,
        "c5": 120 * 16 * 25 + 120,
        "f6": 84 * 120 + 84,
        "output": 850,
    }
    counted = {n: sum(p.numel() for p in m.parameters()) for n, m in LeNet5().named_children()}
    assert {name: count for name, count in counted.items() if count} == by_hand
