"""Publishes what works, what does not and why; of files it names no folders."""

import logging

import msgspec

from edge.publish.composer import Composer
from edge.publish.messages import ModalityStatus
from edge.publish.payloads import ModelsData
from edge.publish.publisher import Publisher
from edge.service.reasons import Reasons

logger = logging.getLogger(__name__)


class Reports:
    """The statuses of a daemon's parts, and its answers to commands."""

    def __init__(self, composer: Composer, publisher: Publisher, reasons: Reasons) -> None:
        self._composer, self._publisher, self._reasons = composer, publisher, reasons
        self.statuses: dict[str, str] = {}
        """The newest status of each modality, with folders."""

    def modality(self, modality: str, status: str) -> None:
        """Publishes and logs a modality's status when it changes."""
        if self.statuses.get(modality) != status:
            self.statuses[modality] = status
            level = logging.WARNING if status.startswith("degraded") else logging.INFO
            logger.log(level, "%s: %s", modality, status)
            self._publisher.publish(ModalityStatus(modality, self._reasons.published(status)))

    def models(self, data: ModelsData) -> None:
        """Publishes the installed models and what became of an update."""
        reason = self._reasons.published(data.reason)
        data = msgspec.structs.replace(data, reason=reason)
        self._publisher.publish(self._composer.models(data))

    def refused(self, command: str, reason: str) -> None:
        """Answers a command that is not obeyed."""
        self._publisher.publish(self._composer.error(command, self._reasons.published(reason)))
