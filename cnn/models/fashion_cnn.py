"""The lectures' Fashion-MNIST network (curriculum M9)."""

from torch import Tensor, nn


class FashionCNN(nn.Module):
    """64@7×7, pool, 2×128@3×3, pool, 2×256@3×3, pool, FC 128, 64, 10 with dropout 0.5; all convolutions are
    "same".

    Shapes: ``(N, 1, 28, 28)`` → maps of 28, 14, 7 and 3 a side → logits ``(N, num_classes)``.
    Source: Géron 2019, "Hands-On Machine Learning", chapter 14, as the lectures give it.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 7, padding=3)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(64, 128, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(128, 128, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.conv4 = nn.Conv2d(128, 256, 3, padding=1)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(256, 256, 3, padding=1)
        self.relu5 = nn.ReLU()
        self.pool3 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(256 * 3 * 3, 128)
        self.relu6 = nn.ReLU()
        self.dropout1 = nn.Dropout(0.5)
        self.fc2 = nn.Linear(128, 64)
        self.relu7 = nn.ReLU()
        self.dropout2 = nn.Dropout(0.5)
        self.output = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu3(self.conv3(self.relu2(self.conv2(x)))))
        x = self.pool3(self.relu5(self.conv5(self.relu4(self.conv4(x)))))
        x = self.dropout1(self.relu6(self.fc1(self.flatten(x))))
        return self.output(self.dropout2(self.relu7(self.fc2(x))))
