"""The numbers of routing, in one place; all times in seconds."""

# How long an agent may look at an offer.
ACCEPT_SECONDS = 15
# How long a desk counts as connected without its server renewing that, which it does every 10 s;
# and how long after that its chats wait for it: a reload, a tunnel.
LEASE_SECONDS = 25
GRACE_SECONDS = 30
# Offers in a row that an agent lets pass before they count as missing.
MISSES_ALLOWED = 2
# No offer at all for so long after a decline or a miss.
COOL_DOWN_SECONDS = 15
# One step: levels fall by one, one preferred skill is given up.
RELAX_SECONDS = 20
# Overflow agents help after so many steps, or at once where no other agent is there.
OVERFLOW_STEPS = 2
# What one point of priority is worth in waiting.
PRIORITY_SECONDS = 60
# Added when a chat goes back to the queue by no fault of the visitor.
REQUEUE_PRIORITY = 5
# Entries decided on in one transaction.
BATCH = 50
# Candidates kept in a stored decision.
CANDIDATES_KEPT = 10
