"""``adaptive``: the node that will answer soonest, in seconds, from what the nodes were seen to do.

    cost = wait        for the prompts that the node has been given and has not read
         + prefill     of this prompt, less what the node holds of it already
         + decode      of the answer at the node's present batch, at a reduced rate
         + load        of the model, where it is not in memory
         + penalty     for failures just now
         + pace        where the answer would be slower than its objective
         + trial       (negative) for an idle node of which little is known

It needs no GPU figure, no score and no slot count. See ``docs/policies.md`` for how to read a cost, and
``docs/decisions/0004-cost-in-seconds.md`` for why it is made like this.

    line → lane → ledger     what is known of a node's speed, and what it still has to do
    index                    which node read which prompt
    price                    what a request costs on a node, and how costs are compared
                             (what of it does not depend on the request is kept as the lane's quote until
                             something happens on the node: most nodes are priced by that alone)
    policy                   prices the candidates, and takes the events
"""

from llmlb.policies.adaptive.policy import AdaptivePolicy

__all__ = ["AdaptivePolicy"]
