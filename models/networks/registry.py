"""Every network by its name; a new network is one file and one line here."""

from models.networks.encoder_decoder import EncoderDecoder
from models.networks.network import Network
from models.networks.one_to_many import OneToMany
from models.networks.sequence_model import SequenceModel

NETWORKS: dict[str, type[Network]] = {
    "sequence": SequenceModel,
    "encoder_decoder": EncoderDecoder,
    "one_to_many": OneToMany,
}
