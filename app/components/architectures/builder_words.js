// The person's own layers as text, the same as cnn/networks/builder.py: "conv16k5-relu-max2-flat-fc10".
export class BuilderWords {
  // kinds: [{name, group, numbers: [[letter, least, most, usual]]}]
  constructor(kinds) {
    this.kinds = new Map(kinds.map((kind) => [kind.name, kind]));
    this.word = new RegExp(`^(${kinds.map((kind) => kind.name).join("|")})(\\d*)((?:[kspdgt]\\d+)*)$`);
  }

  usual(numbers, usual) {
    if (usual === "k") return numbers.k ?? numbers[""] ?? 1;
    if (usual === "same") return Math.floor(numbers.k / 2) * (numbers.d ?? 1);
    return usual;
  }

  filled(name, given) {                                   // every number of a layer, the usual ones filled in
    const numbers = {};
    const listed = this.kinds.get(name).numbers, late = listed.filter(([, , , usual]) => usual === "same");
    for (const [letter, , , usual] of listed) if (usual !== "same") numbers[letter] = given[letter] ?? this.usual(numbers, usual);
    for (const [letter, , , usual] of late) numbers[letter] = given[letter] ?? this.usual(numbers, usual);
    return { name, numbers };
  }

  read(text) {                                            // [{name, numbers}]; unreadable words are kept as they are
    return text.split("-").filter(Boolean).map((word) => {
      const match = word.match(this.word);
      if (!match) return { name: "?", word, numbers: {} };
      const given = match[2] ? { "": Number(match[2]) } : {};
      for (const [, letter, number] of match[3].matchAll(/([a-z])(\d+)/g)) given[letter] = Number(number);
      return this.filled(match[1], given);
    });
  }

  write(layers) {
    return layers.map(({ name, numbers, word }) => {
      if (name === "?") return word;
      return name + this.kinds.get(name).numbers.map(([letter, , , usual]) => (letter === "" || numbers[letter] !== this.usual(numbers, usual) ? letter + numbers[letter] : "")).join("");
    }).join("-");
  }
}
