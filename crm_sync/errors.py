"""What can go wrong with a connection, in words for the person who set it up."""

from tenants.errors import Conflict, Invalid


class UnknownConnector(Invalid):
    code = "unknown_connector"
    message = "There is no such kind of connection."


class NotTested(Conflict):
    code = "connection_not_tested"
    message = "Send a test lead first. A connection goes live once a test lead has arrived."


class BaaMissing(Conflict):
    code = "baa_missing"
    message = "Health information needs a business associate agreement. Write down its reference."


class SignsNothing(Conflict):
    code = "signs_nothing"
    message = "This connection signs nothing."


class NothingToReplay(Conflict):
    code = "nothing_to_replay"
    message = "None of these deliveries can be sent again."


class AddressRefused(Invalid):
    """An outbound address that is not a public https one."""

    code = "address_refused"
    message = "This address is not allowed. Use a public https:// address."
