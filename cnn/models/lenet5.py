"""LeNet-5 as the lectures' table gives it (curriculum M1)."""

from torch import Tensor, nn


class LeNet5(nn.Module):
    """C1 6@28×28, S2 6@14×14, C3 16@10×10, S4 16@5×5, C5 120@1×1, F6 84, output; tanh and average pools.

    The output is a linear layer for a softmax, where the paper has RBF units; C3 sees all maps of S2.

    Shapes: ``(N, 1, 32, 32)`` → logits ``(N, num_classes)``.
    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition".
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.tanh1 = nn.Tanh()
        self.s2 = nn.AvgPool2d(2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.tanh3 = nn.Tanh()
        self.s4 = nn.AvgPool2d(2)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.tanh5 = nn.Tanh()
        self.flatten = nn.Flatten()
        self.f6 = nn.Linear(120, 84)
        self.tanh6 = nn.Tanh()
        self.output = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.s2(self.tanh1(self.c1(x)))
        x = self.s4(self.tanh3(self.c3(x)))
        x = self.flatten(self.tanh5(self.c5(x)))
        return self.output(self.tanh6(self.f6(x)))
