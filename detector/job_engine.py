"""The model and the engine that a job needs."""

from contracts.errors import ModelBroken, PrecisionUnavailable
from contracts.models.catalogue import Model
from contracts.wire.messages import Chunk, runtime
from detector.context import Services
from detector.engine import Engine


def model_of(chunk: Chunk, services: Services) -> Model:
    """The job's model. Raises UnknownModel, ModelBroken."""
    plan = chunk.plan
    model = services.catalogue.get(plan.model)
    if (model.digest(), model.engine) != (plan.model_digest, plan.engine):
        raise ModelBroken(
            f"model {model.id} differs from the one that the job was planned with: use the same models folder and the "
            "same version of the service on all hosts"
        )
    return model


def engine_of(chunk: Chunk, services: Services) -> tuple[Model, Engine]:
    """The model and engine with exactly the digest, precision and provider of the job.

    Raises UnknownModel, ModelBroken, PrecisionUnavailable, EngineUnavailable.
    """
    model = model_of(chunk, services)
    own = services.engines.get(model, chunk.plan.precision).describe()
    settled = services.store.fix_runtime(chunk.job_id, runtime(own.precision, own.provider))
    precision, _, provider = settled.partition(" ")
    if provider != own.provider:
        raise PrecisionUnavailable(f"the job runs on {provider}, and this detector has {own.provider}")
    return model, services.engines.get(model, precision)
