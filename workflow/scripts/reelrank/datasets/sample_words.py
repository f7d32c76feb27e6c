"""The words of the sample dataset: topics, series names, titles and comments."""


def _words(text):
    return tuple(text.split())


#: Category of each topic, and the words for its titles and comments.
TOPICS = {
    "cooking": "noodles dumplings recipe kitchen sauce frying garlic oven dough soup wok spices barbecue broth pancake",
    "pets": "kitten puppy hamster parrot leash paws litter cuddles barking rabbit aquarium whiskers treats kennel vet",
    "football": "goal penalty striker goalkeeper league referee dribble stadium corner derby tackle header midfield "
    "transfer coach",
    "travel": "airport hostel passport backpack island beach luggage itinerary ferry souvenir sightseeing visa museum "
    "cruise border",
    "gaming": "speedrun console boss quest multiplayer controller respawn loot arcade pixel sandbox dungeon esports "
    "patch leaderboard",
    "makeup": "lipstick eyeliner foundation blush mascara palette skincare contour serum highlighter manicure perfume "
    "lashes toner concealer",
    "cars": "engine gearbox horsepower sedan drifting tyres exhaust motorway dashboard turbo garage brakes bumper "
    "diesel convertible",
    "music": "guitar chorus melody drummer concert piano lyrics violin album karaoke bassline rehearsal orchestra "
    "ballad microphone",
    "dance": "choreography ballet salsa hiphop footwork tango pirouette rhythm breakdance costume rehearsing waltz "
    "troupe spin flamenco",
    "comedy": "prank punchline sketch standup parody joke blooper impression sitcom laughter mockery roast pun farce "
    "clown",
    "farming": "tractor harvest orchard chickens wheat plough barn irrigation goats seedlings compost pasture corn "
    "greenhouse beehive",
    "fitness": "squats dumbbell pushups treadmill yoga protein stretching abs marathon kettlebell plank warmup pilates "
    "biceps cardio",
    "technology": "smartphone laptop processor gadget unboxing battery robot chip software headphones screen router "
    "drone benchmark charger",
    "science": "experiment telescope molecule volcano laboratory magnet planet chemistry fossil gravity microscope "
    "vaccine physics reactor galaxy",
    "history": "dynasty emperor castle archaeology medieval battle ruins pharaoh treaty kingdom manuscript sword "
    "temple revolution tomb",
    "fashion": "dress runway sneakers handbag denim tailoring wardrobe vintage jacket outfit catwalk scarf knitwear "
    "stylist boots",
    "parenting": "toddler stroller nursery diaper bedtime kindergarten lullaby homework teething newborn playground "
    "tantrum pacifier crib naptime",
    "fishing": "trout bait reel lure angler pike carp tackle-box riverbank casting hook salmon catfish waders pier",
    "crafts": "origami knitting embroidery pottery woodwork crochet glue beads sewing macrame clay candle stencil "
    "carving papercraft",
    "finance": "stocks mortgage budget savings dividend inflation tax pension investor salary crypto loan market bonds "
    "portfolio",
    "astrology": "horoscope zodiac tarot scorpio mercury retrograde gemini capricorn prophecy moonlight aquarius "
    "numerology pisces virgo destiny",
    "films": "trailer director screenplay villain sequel blockbuster actor cinematography premiere thriller stuntman "
    "subtitles casting-call western cameo",
    "weather": "typhoon blizzard thunderstorm forecast tornado drought hailstones flood rainfall heatwave lightning "
    "monsoon frost humidity radar",
    "crime": "detective burglary courtroom witness fingerprint robbery alibi sheriff suspect verdict jury ransom "
    "evidence interrogation fugitive",
}

#: First and second word of a series' name.
ADJECTIVES = _words(
    "Silver Crimson Quiet Golden Hidden Lucky Velvet Electric Rusty Tiny Midnight Wandering Paper Frozen Emerald Brave "
    "Sleepy Hollow Copper Northern Secret Curious Dancing Ivory Thirsty Wooden Crooked Gentle Amber Purple Restless "
    "Flying Marble Salty Bold Distant Humble Misty Clever Scarlet Spinning Ancient Modern Broken Honest Polite Rapid "
    "Stubborn Sunny Cobalt Dusty Eager Fancy Grumpy Jolly Noble Patient Royal Shy Wild"
)
NOUNS = _words(
    "Harbor Fox Lantern Compass Willow Bridge Comet Teapot Anchor Raven Window Pebble Cactus Umbrella Falcon Button "
    "Meadow Ladder Pocket Tiger Canyon Feather Mirror Walnut Corner Otter Kettle Summit Balloon Badger Cottage Ribbon "
    "Thunderbird Acorn Beacon Cobbler Dragonfly Ember Fountain Glacier Hammock Iguana Jigsaw Knapsack Lighthouse Mango "
    "Nutshell Orchid Pelican Quarry Rooftop Sparrow Turnip Uncle Valley Wagon Yonder Zeppelin Orbit Cousin"
)

#: Words that fit every topic.
GENERIC = _words(
    "amazing simple daily crazy perfect hard real wonderful first unexpected honest short best latest easy famous "
    "little strange brilliant whole"
)

#: Titles without content that several items share.
SHARED_TITLES = (
    "the wonderful video",
    "wait for the end",
    "you will not believe this",
    "just another day",
    "share this with a friend",
    "nothing to say, just watch",
)

#: Title templates with the series' name; most have one or two words of the topic.
SERIES_TITLES = (
    "{series}: {a} and {b}",
    "{series}: {generic} {a}",
    "{series}, part {number}: {a} and {b}",
    "{a} of {series}, {b} too",
    "{series} and the {a}",
    "{series} with {a} and {b}",
    "{series} tries {a}",
    "New: {series}, {a}, {b}",
)

#: Title templates without the series' name.
PLAIN_TITLES = (
    "{a} and {b} of the day",
    "{a}, {b} and more {a}",
    "A {generic} trick for {a} and {b}",
    "{generic} {a} without {b}",
    "{a} or {b}?",
    "Nobody expected this {a}",
)

EMOJI = ("😂", "🔥", "😍", "👍", "🎉", "❤️")

#: A comment is an opening with a word of the topic, then an ending; or a comment without such a word.
OPENINGS = (
    "love the {}",
    "so funny, that {}",
    "the {} again",
    "where can I find this {}",
    "this {} is too good",
    "I do not like the {}",
    "best {} ever",
    "my sister talks of {} all day",
    "not bad for {}",
    "who else came for the {}",
)
ENDINGS = ("", "!", " haha", " 😂", ", thank you", ", so boring", ", wow", " please", ", what a pity", " 👍")
WORDLESS_COMMENTS = ("hahaha", "first!", "so true", "I cannot stop watching", "sad", "support you", "good night", "???")


def topic_words(topic):
    """Return the category and the words of a topic. Beyond the list, topics repeat with a number appended.

    Parameters
    ----------
    topic : int
        0-based.

    Returns
    -------
    category : str
    words : list of str
    """
    turn, index = divmod(topic, len(TOPICS))
    category, words = list(TOPICS.items())[index]
    if not turn:
        return category, words.split()
    return f"{category} {turn + 1}", [f"{word}{turn + 1}" for word in words.split()]


def series_names(count, rng):
    """Return `count` different names of two words; a number is appended once all pairs are used.

    A word repeats only after all others have been used, so few series share a word.
    """
    adjectives, nouns = rng.permutation(ADJECTIVES).tolist(), rng.permutation(NOUNS).tolist()
    names = []
    for index in range(count):
        turn, pair = divmod(index, len(adjectives) * len(nouns))
        # Each further round shifts the nouns by one.
        shift, adjective = divmod(pair, len(adjectives))
        name = f"{adjectives[adjective]} {nouns[(adjective + shift) % len(nouns)]}"
        names.append(f"{name} {turn + 1}" if turn else name)
    return names
