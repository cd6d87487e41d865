"""What every network is: features in, one logit a genre out, and the embedding just before them."""

from torch import Tensor, nn

from genrelab.errors import RecipeError

GIVEN = ("input_shape", "n_classes")  # what a network is built with beside the options of its recipe


class Network(nn.Module):
    """Features in, logits out.

    A subclass computes `embed`; the last linear layer, `output`, is made here.

    Parameters
    ----------
    input_shape
        (channels, bins, frames) of the features, as `FrontEnd.shape` answers.
    n_classes
        Number of genres.
    embedding_size
        Length of the vector that `embed` answers.

    Raises
    ------
    RecipeError
        Fewer than one class or one unit.
    """

    def __init__(self, input_shape: tuple[int, int, int], n_classes: int, embedding_size: int) -> None:
        super().__init__()
        if n_classes < 1:
            raise RecipeError(f"corpus: {n_classes} genres; a network needs at least one to tell")
        if embedding_size < 1:
            raise RecipeError(f"network: {embedding_size} units are too few for a layer; it needs at least one")
        self.input_shape = tuple(input_shape)
        self.n_classes = n_classes
        self.embedding_size = embedding_size
        self.output: nn.Module = nn.Linear(embedding_size, n_classes)

    def embed(self, features: Tensor) -> Tensor:
        """Map features (batch, channels, bins, frames) to what the last layer reads, (batch, embedding_size)."""
        raise NotImplementedError

    def classify(self, embedding: Tensor) -> Tensor:
        """Map embeddings (batch, embedding_size) to logits (batch, n_classes)."""
        logits: Tensor = self.output(embedding)
        return logits

    def opinions(self, features: Tensor) -> list[Tensor]:
        """Return the logits that learning holds to the truth, each by itself: here those of `forward` alone."""
        return [self(features)]

    def penalty(self) -> Tensor:
        """Return what is added to the loss for large weights (L1, L2): a scalar, 0 where a row has none."""
        return next(self.parameters()).new_zeros(())

    def forward(self, features: Tensor) -> Tensor:
        """Map features (batch, channels, bins, frames) to logits (batch, n_classes)."""
        return self.classify(self.embed(features))
