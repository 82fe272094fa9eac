"""What the papers' tables report, with remarks: what in docs/results.md was typed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """What a paper reports.

    Parameters
    ----------
    title
        Of the section.
    source
        Where the numbers stand; empty if no paper has any.
    scores
        By the column that measures the same, a metric or ``metric: part``; then by labels of the
        axes, in any case of letters. A label that no run has is told beneath the table.
    remark
        What one has to know to read the two side by side.
    parts
        Further columns to show, each a ``metric: part``.
    lesson
        What the tables teach; it ends the section.
    """

    title: str
    source: str
    scores: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    remark: str = ""
    parts: tuple[str, ...] = ()
    lesson: str = ""


PAPERS: dict[str, Published] = {
    "glance-table1": Published(
        "Explanations (GLANCE, table 1)",
        "Kori, Glocker, Toni, arXiv 2207.01917, table 1, 1 000 explanations",
        {
            "faithfulness": {
                ("lime",): 0.22,
                ("deep-shap",): 0.67,
                ("deep-lift",): 0.92,
                ("grad-cam",): 0.22,
                ("glance",): 0.97,
            },
            "stability: raw": {
                ("lime",): -1.40,
                ("deep-shap",): -0.07,
                ("deep-lift",): -0.04,
                ("grad-cam",): -2.53,
                ("glance",): -0.02,
            },
        },
        "The paper's faithfulness is of differential entropies, which change with the unit; ours "
        "is of ranks in bins. *stability: raw* is the paper's own index, minus the mean variance: "
        "it grows a hundredfold when an explanation is multiplied by ten, so that its columns "
        "cannot be compared between methods whose explanations have other scales; *stability* is "
        "of explanations of unit length. Faithfulness is dependence: any code of the image's "
        "concepts has it, and the control `random` says what none looks like. With two concepts "
        "*interventional-faithfulness* has few interventions to rank, each concept up and down "
        "and both, which the control `constant` ranks well where both concepts help; *others "
        "held* is the same with what a concept causes held. The classifier's *deletion* and "
        "*insertion* are of pixels: concept methods are translated by the oracle's pictures.",
        ("interventional-faithfulness: others held", "effect-error: others held"),
        lesson=(
            "The paper's order is not found again: by faithfulness, GLANCE (.10) lies within the "
            "intervals of the methods of pixels (.06 to .15), and only its twin that learns by "
            "the paper's own losses lies above them (.22). GLANCE ranks interventions best (.86), "
            "above its oracle's single effects (.81) and the control `constant` (.66). Its "
            "importances are direct effects, in a neighbourhood in which concepts move one by "
            "one. Against drawings in which all other concepts are held (*effect-error: others "
            "held*) it comes out best by far: .83, where LIME, DeepSHAP and DeepLIFT have .34 to "
            ".57 and `constant` .53. Against all that follows from a change (*effect-error*) it "
            "has .56: that thickness darkens the stroke as well, it does not say of an image. "
            "There the methods of pixels have .81 to .93, but so they have with both concepts "
            "exchanged, and `constant` has .84: in all that follows, the two concepts have much "
            "the same effect, so that a constant is nearly "
            "right. Both twins with the paper's losses are at chance, with intervals that hold "
            "nearly everything: without do() in the training, pictures hardly show what was set, "
            "whether latents are aligned or not. What a single training says here is worth "
            "little: most intervals over three are wider than the differences between methods."
        ),
    ),
    "glance-table2": Published(
        "Graphs (GLANCE, table 2)",
        "Kori, Glocker, Toni, arXiv 2207.01917, table 2",
        {
            "correctness: with the image": {
                ("TI", "rcd"): 0.84,
                ("IT", "rcd"): 0.66,
                ("TS", "rcd"): 0.82,
                ("TSWI", "rcd"): 0.58,
                ("TI", "ges"): 0.66,
                ("IT", "ges"): 0.66,
                ("TS", "ges"): 0.66,
                ("TSWI", "ges"): 0.42,
                ("TI", "glance"): 1.0,
                ("IT", "glance"): 1.0,
                ("TS", "glance"): 0.98,
                ("TSWI", "glance"): 0.94,
            }
        },
        "The paper counts the edges from each concept into the image, which come free to every "
        "method (*correctness: with the image*: an empty graph has .5 to .67); *correctness* does "
        "not, and 0 is the empty graph. The paper's equations are partly damaged, and ours are "
        "the corrected ones (`variant: corrected`), whose constants are kind to methods of "
        "additive noise. Its LiNGAM allows for hidden confounders, as `rcd` does, so that its "
        "numbers stand there. `glance` searches each "
        "subset's labels anew, the twin staying as it is. Subsets are drawn with replacement, as "
        "in the paper; rows that stand twice make a method surer of a direction than the data "
        "are. *this graph* is of all rows, once: in TSWI `glance` has its edges right, and tells "
        "three of four directions as undetermined, which win by 1.5 to 3.1 nats.",
        (
            "correctness: this graph",
            "correctness: SHD",
            "correctness: SID",
            "correctness: stability",
        ),
        lesson=(
            "With two concepts, `glance` finds the edge and its direction in every subset, as in "
            "the paper. The others do not: `ges` leaves the direction open, DirectLiNGAM tells "
            "it the wrong way round every time, because the equations are not linear, and `rcd` "
            "takes the cause for a hidden confounder. The paper's LiNGAM had .66 to .84 there. "
            "In TSWI `glance` has .85 of the edges on average over subsets, the paper .94, which "
            "the interval holds. `glance-paper`, the paper's own search, finds no edge between "
            "concepts at all: what it is given for, it gets for the edges into the image."
        ),
    ),
    "dvae-table1": Published(
        "Codes (DVAE flip, table 1)",
        "Gat, Lorberbom, Schwartz, Hazan, AAAI 2022, table 1, CelebA",
        {
            "flip-changed": {("smiling",): 0.9886, ("attractive",): 0.9708, ("big lips",): 0.9213},
            "code-agreement": {
                ("smiling",): 0.9808,
                ("attractive",): 0.9598,
                ("big lips",): 0.8970,
            },
            "code-accuracy": {
                ("smiling",): 0.9180,
                ("attractive",): 0.7866,
                ("big lips",): 0.8033,
            },
            "code-accuracy: with phi": {
                ("smiling",): 0.9210,
                ("attractive",): 0.7908,
                ("big lips",): 0.8520,
            },
        },
        "Other data than the paper's: read the columns as orders of magnitude.",
        lesson=(
            "Both objectives nearly reach what the paper reports: with its own, .94 to 1.00 "
            "of the predictions turn when all bits are flipped, with ours at least .999, and "
            "a random half of the bits turns about half of them. Only with the paper's "
            "objective do trainings differ: for heavy make-up the interval over three seeds "
            "begins at .79. What the code keeps does not suffer: its accuracy is the "
            "classifier's own (*with phi*) to within .006. That all predictions turn says "
            "that the code is symmetric, as it was trained to be, and not that any one bit "
            "means something."
        ),
    ),
    "dvae-table2": Published(
        "Shared information (DVAE flip, table 2)",
        "Gat, Lorberbom, Schwartz, Hazan, AAAI 2022, table 2, CelebA",
        {
            "shared-information": {
                ("smiling", "none"): 0.43,
                ("attractive", "none"): 0.37,
                ("big lips", "none"): 0.51,
                ("smiling", "equation 6"): 0.84,
                ("attractive", "equation 6"): 0.80,
                ("big lips", "equation 6"): 0.85,
            }
        },
        "The paper regularises by equation 6; the cosine in place of its dot product is ours, and "
        "the default. A high cosine is no better explanation by itself: read it beside what the "
        "pictures show. In the data of `smiling`, male goes with the smile (70 to 30), and half "
        "of the faces wear masks; *attribute-change* is how much more male the pictures of the "
        "smiling class are, of faces where the two do not go together, and *in the predictions* "
        "how much more male those faces are that the classifier calls smiling. The regulariser "
        "leaves that as it was. It is not yet a bias: of `heavy make-up` the pictures show as "
        "much, though the classifier does not lean at all; the generator learned from faces in "
        "which both go together, and invents it. *dvae-bias*, below, subtracts that.",
        ("attribute-change: in the predictions",),
    ),
    "dvae-figure5": Published(
        "Edited attributes (DVAE flip, figure 5)",
        "Gat, Lorberbom, Schwartz, Hazan, AAAI 2022, figure 5, which has no numbers",
        {},
        "An explanation names one attribute for each class: the DVAE flip that in which its "
        "pictures before and after the flip differ most, by the ruler of the renderer; a map that "
        "which it marks most. The renderer then draws each of the faces with this attribute "
        "changed. The score is by how much the probability of the class changes; chance edits any "
        "attribute. The attribute of the task itself, which would change nearly every prediction, "
        "is not among those that can be named.",
        lesson=(
            "For a smile the flip names the open mouth in all three trainings, as one would, and "
            "opening or closing it changes the prediction more than any attribute by chance does, "
            "but little: by .03 of probability. For young it names hair, a beard or a smile, and "
            "no attribute changes the prediction at all: faces that are not young are drawn with "
            "grey hair and other eyes, which belong to the task. For heavy make-up it names young "
            "in five of six cases, which changes the prediction by .26 on average (chance .10), "
            "while integrated gradients name male in two of three trainings and change it by .43. "
            "Over three trainings no method is clearly better than another, nor than the control "
            "of random maps: where the classes are told apart by their own attribute alone, there "
            "is hardly anything else to find."
        ),
    ),
    "dvae-bias": Published(
        "Planted biases (DVAE flip)",
        "Gat, Lorberbom, Schwartz, Hazan, AAAI 2022, figures 6 and 7, which have no numbers",
        {},
        "How much more male the pictures of the smiling class are than those of the other, on "
        "faces of which as many smile as not in either sex, less what eight unbiased classifiers "
        "show. *called*: the share of seeds in which a bias is called at the level of 99 per "
        "cent; where none was planted, and for the control (one more unbiased classifier), that "
        "is the rate of false alarms. *in the predictions*: the same difference, of the faces "
        "themselves that the classifier puts into the classes, without any picture. Called with "
        "the right sign were all ten with a planted bias, and none of the controls; but also one "
        "of five without a bias (-.17, floor .15), whose own predictions do not lean. Its faces "
        "are not like those that the references learn from, in which all attributes are "
        "independent: perhaps that is why.",
        (
            "bias: attribute-change",
            "bias: in the predictions",
            "bias: noise floor",
            "bias: called",
        ),
    ),
    "interventional-lenet": Published(
        "Edges of a network (interventional black-box explanations, figures 2 to 6)",
        "Interventional black-box explanations, anonymous, ICLR 2022 submission; its figures have "
        "no numbers but those of the remark",
        {},
        "A LeNet on MNIST; kernel slices and single weights are the edges. *neutral-edges* are in "
        "neither G+ nor G- (figures 2 and 3). *class-specific-edges*: of the edges that are in G+ "
        "in four of five images of a 3 or of an 8, the share that are so for one of the two "
        "alone, averaged over all layers but the last, in which each class has a unit of its own "
        "(figure 4); *frequent in* is their number for a class. *correction* keeps G+ of the true "
        "class alone (figure 5): the paper corrects its 11 errors by it. *opposition-removed* is "
        "the accuracy on all 10 000 test images when the edges that are in G- of some class in "
        "half of 20 training images, and in G+ of none, are removed for good. *deletion* and "
        "*insertion* compare the map of the mediators with five attributions of pixels (figure 6).",
        (
            "neutral-edges: neutral in conv1",
            "neutral-edges: neutral in conv2",
            "neutral-edges: neutral in fc1",
            "neutral-edges: without any effect",
            "class-specific-edges: specific in conv1",
            "class-specific-edges: specific in conv2",
            "class-specific-edges: specific in fc1",
            "class-specific-edges: frequent in conv1",
            "class-specific-edges: frequent in conv2",
            "class-specific-edges: frequent in fc1",
            "opposition-removed: removed",
            "opposition-removed: for the true class",
            "opposition-removed: for a random wrong class",
            "opposition-removed: without the label",
        ),
        "Most edges do nothing, as the paper says: 90 per cent of those that are tested are "
        "neutral, and 65 per cent do not change the logit of the class at all. The classes have "
        "edges of their own even in the first layer, where the paper sees the same filters for "
        "both: of its frequent edges, 64 per cent are frequent for one of the two digits alone. "
        "Every error is corrected by keeping G+ of the true class; but other classes are "
        "reached in the same way, the runner-up always and a random wrong class in 70 of 100 "
        "errors, so that the correction says little about the error. Without the label it finds "
        "the true class in 24 of 100. Removing what opposes classes for good does not improve "
        "the network: its accuracy falls from .989 to .986, while a random set of as many edges "
        "leaves it as it was. Where only what opposes the true class is removed, .997 of the "
        "images are right, but that needs the label: the class with the highest logit in its "
        "own network is right for .984. Unlike G+ alone, this recipe draws hardly any image to "
        "a random wrong class (.011). The map of the mediators is about as good as a plain "
        "gradient, far better than Grad-CAM, and not as good as integrated gradients, DeepLIFT "
        "or occlusion. All of this is of one network, trained with one seed.",
    ),
    "interventional-resnet18": Published(
        "Filters of a ResNet18 (interventional black-box explanations, appendix B)",
        "Interventional black-box explanations, anonymous, ICLR 2022 submission, appendix B, which "
        "has no numbers but an accuracy of 99 per cent",
        {},
        "A ResNet18 of full width on MNIST at 32 px, trained on 5 000 digits for two epochs; whole "
        "filters are what is removed. 20 images, 10 errors and 1 000 test images are few: read the "
        "intervals. The columns are those of the LeNet.",
        (
            "neutral-edges: without any effect",
            "class-specific-edges: specific in conv1",
            "class-specific-edges: specific in layer4.1.conv2",
            "opposition-removed: removed",
            "opposition-removed: for the true class",
            "opposition-removed: for a random wrong class",
            "opposition-removed: without the label",
        ),
        "Filters are neutral less often than the edges of the LeNet, in 80 per cent of the tests, "
        "and only 18 per cent have no effect at all. Nine in ten of the frequent ones are of one "
        "of the two digits alone, in the first layer, too. Keeping G+ of the true class corrects 7 "
        "of 10 errors, and 5 of 10 become a random wrong class by the same recipe; without the "
        "label it corrects 2. Removing what opposes classes lowers the accuracy from .981 to .968, "
        "about as a random set of filters does (.972). The map of the mediators is worse here than "
        "random pixels by insertion.",
    ),
    "photographs": Published(
        "Photographs (EfficientNet-Lite0, ImageNet)",
        "",
        {},
        "Seven photographs that come with scikit-image, matplotlib and scikit-learn, one of each "
        "class; the network was trained on none of them. Probabilities are among these seven "
        "classes, of which the network takes the right one for each photograph. CRAFT learned its "
        "factors from other views of the same photographs. A pixel that is deleted gets the mean "
        "colour of its image. Seven images are few: the intervals are wide, and most differences "
        "between methods lie within them. A map that only fades from the middle of the image has a "
        "deletion of .62, because the objects are there. With black in place of the mean colour, "
        "which is the metrics' default, deletion hardly tells a coarse map from chance (random "
        "pixels .55, CRAFT .54, the exact class activation map of the same layer .54): pixels that "
        "go black here and there spoil a photograph everywhere at once. Random maps as coarse as "
        "the layer, of 7 x 7 places, have .61 to .63 then (and .75 with the mean colour), so that "
        "CRAFT is better than chance of its own coarseness by both. Its 16 factors leave 86 per "
        "cent of the length of the layer's sparse activations unexplained (shuffled ones 97; the "
        "best 16 directions of any sign, found on these very images, 55), and yet give all seven "
        "predictions by themselves.",
    ),
    "faces-lfw": Published(
        "Real faces (Labeled Faces in the Wild)",
        "",
        {},
        "What a LeNet takes for a face: 100 faces and 100 pieces of background of 25 px, of which "
        "150 train the network, the twin and the code; it has 98 per cent of the other 50 right. "
        "So few images make rough parts. The twin leaves 38 per cent of the error of the mean "
        "image, its backgrounds look a little like faces, and the latents that matter most, moved "
        "by one sd, turn none of the 16 predictions; all bits flipped turn all 16, but their "
        "pictures only illustrate that: the network takes 64 per cent of them for the class that "
        "the rest of the network takes their code for (52 by chance). By insertion, the mediators' "
        "map is no better than a random one. interventional-faithfulness asks each method about "
        "concepts of its own, so that its numbers cannot be compared between methods. A pixel that "
        "is deleted gets the mean grey of its image. The seconds were measured with much else "
        "running; the whole comparison took two minutes of a core.",
    ),
    "counterfactuals": Published(
        "What do() changes in pictures (drawn data)",
        "",
        {},
        "On drawn data a ruler measures concepts on any picture. Each generator sets one concept "
        "one standard deviation up and down, a boolean one to its opposite, while the others are "
        "held. *own effect*: the least and the largest move of the concept that was set, in these "
        "units. *leakage*: the largest mean move of one that was held. *untouched*: the least "
        "correlation of the picture's concepts with the image's where nothing was done, or the "
        "share of equal ones. *class kept*: the share of changed pictures that are classified as "
        "the image is. The other columns are metrics, which set concepts to the values of other "
        "images: effectiveness is best at 1, the others are best where they are low. *renderer* "
        "draws the truth, *twin* is GLANCE's. The digits have reference images, the faces have "
        "none. *seconds* are of the training of the generator, on a busy machine.",
        lesson=(
            "The renderer's own pictures come out at .88 to 1.03 with hardly any leakage, so that "
            "the ruler can be believed to that degree. After trainings as short as these, "
            "*scm-vae* nearly does what do() says on digits: concepts move by .76 to 1.21 of what "
            "they should, held ones by .05 to .28 of a standard deviation, and .84 to .94 of the "
            "pictures keep their class. The twin's move by .21 to 1.84, and held ones by .32 to "
            ".60; it, too, keeps the class of .85 to .94. With four concepts (TSWI) both forget "
            "what nobody touched: the least correlation is .28 and .17. Of the faces' "
            "attributes, one turns in only .03 of the twin's pictures, and one in .53 of those of "
            "*scm-vae*. The pages on both generators tell what longer trainings reach."
        ),
    ),
}
"""The papers' own numbers, and remarks, by the names of specs."""
