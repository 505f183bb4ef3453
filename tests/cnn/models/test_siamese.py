import pytest
import torch

from cnn.models.siamese import SiameseNet


@pytest.mark.parametrize("size", [(28, 28), (56, 46), (112, 92)])
def test_F2_embeddings_lie_on_the_unit_sphere(size):
    model = SiameseNet(dimension=16, grid=2).eval()
    vectors = model(torch.rand(5, 1, *size))
    assert vectors.shape == (5, 16)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(5))
