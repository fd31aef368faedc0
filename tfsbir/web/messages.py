"""What goes to the server and comes back, as JSON; the OpenAPI schema is made from it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue

MAX_DIM = 2**16  # Longer than any embedding, and still soon refused.
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Problem(BaseModel):
    """What was expected, and what came."""

    detail: str


class SearchRequest(BaseModel):
    """Exactly one of `vector`, `strokes` and `image`, and which photos to search."""

    # Without one, a field is None; null is not a value of it.
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("vector", "strokes", "image")]},
    )

    vector: list[FiniteFloat] = Field(
        None, max_length=MAX_DIM, description="An embedding, as the gallery's encoder makes it."
    )
    strokes: list[list[Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)]]] = Field(
        None, description="Strokes in drawing order, each a list of [x, y], y down, in any unit."
    )
    image: str = Field(None, description="An image file of a sketch, black on white, in base64.")
    k: int = Field(12, ge=1, description="How many photos to find.")
    where: dict[str, JsonValue] = Field(
        None, description="Conditions on metadata: a value, a list of values, or min and max, for each field."
    )
    with_attributes: list[Name] = Field([], max_length=100)
    without_attributes: list[Name] = Field([], max_length=100)
    explain: bool = Field(False, description="Whether to say what matched: attributes and attention.")


class ComparedAttribute(BaseModel):
    """The probability of an attribute in the sketch and in the photo."""

    attribute: str
    sketch: float
    photo: float


class Result(BaseModel):
    """A photo that was found."""

    rank: int
    photo_id: str
    distance: float
    photo_url: str
    metadata: dict[str, JsonValue]
    shared: list[ComparedAttribute]
    differing: list[ComparedAttribute]
    attention: list[list[float]] | None = Field(
        description="Shares of what the encoder looks at, row by row."
    )


class SearchAnswer(BaseModel):
    """The nearest photos, nearest first."""

    encoded_on: str = Field(description='"device" where a vector came, else "server".')
    encode_ms: float
    search_ms: float
    num_photos: int = Field(description="Photos that were searched.")
    distance: str
    results: list[Result]
    sketch_attention: list[list[float]] | None


class Explains(BaseModel):
    """What a search can explain."""

    attributes: bool
    attention: bool


class Limits(BaseModel):
    """What the server takes at most."""

    max_k: int
    max_strokes: int
    max_points: int
    max_body_bytes: int
    max_pixels: int


class GalleryFacts(BaseModel):
    """What the server searches, and how."""

    num_photos: int
    dim: int
    distance: str
    attributes: list[str]
    fingerprint: str
    teacher: str | None
    image_size: int
    canvas_size: int
    encoder_on_device: bool
    explains: Explains
    limits: Limits


class Health(BaseModel):
    """Whether the server is well; `problem` says why a newer gallery could not be opened."""

    status: str
    num_photos: int
    problem: str | None
