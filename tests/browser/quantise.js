// The 64 commonest colours of a picture, and each pixel by the nearest of them.
async (picture) => {
    const image = await createImageBitmap(await (await fetch("data:image/png;base64," + picture)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    const { data } = pen.getImageData(0, 0, image.width, image.height);
    const counts = new Map();
    const coarse = (at) => ((data[at] & 0xfc) << 16) | ((data[at + 1] & 0xfc) << 8) | (data[at + 2] & 0xfc);
    for (let at = 0; at < data.length; at += 4) counts.set(coarse(at), (counts.get(coarse(at)) ?? 0) + 1);
    // A few letters in a colour of their own matter more than one more shade of a grey edge.
    const chroma = (colour) => {
        const parts = [colour >> 16, (colour >> 8) & 255, colour & 255];
        return Math.max(...parts) - Math.min(...parts);
    };
    const weight = ([colour, count]) => Math.sqrt(count) * (1 + chroma(colour) / 12);
    const palette = [...counts].sort((a, b) => weight(b) - weight(a)).slice(0, 64).map(([colour]) => colour);
    // Surfaces keep their very colour: the commonest of those that count as one.
    const shades = new Map();
    for (let at = 0; at < data.length; at += 4) {
        const shade = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
        shades.set(shade, (shades.get(shade) ?? 0) + 1);
    }
    const exact = new Map();
    for (const [shade, count] of shades) {
        const colour = shade & 0xfcfcfc;
        if (!exact.has(colour) || shades.get(exact.get(colour)) < count) exact.set(colour, shade);
    }
    const nearest = new Map(palette.map((colour, index) => [colour, index]));
    const distance = (a, b) => [16, 8, 0].reduce((sum, by) => sum + (((a >> by) & 255) - ((b >> by) & 255)) ** 2, 0);
    const indexOf = (colour) => {
        if (!nearest.has(colour)) {
            let best = 0;
            for (let index = 1; index < palette.length; index += 1) {
                if (distance(colour, palette[index]) < distance(colour, palette[best])) best = index;
            }
            nearest.set(colour, best);
        }
        return nearest.get(colour);
    };
    const indexes = new Uint8Array(data.length / 4);
    for (let at = 0; at < data.length; at += 4) indexes[at / 4] = indexOf(coarse(at));
    let text = "";
    for (let at = 0; at < indexes.length; at += 32768) {
        text += String.fromCharCode(...indexes.subarray(at, at + 32768));
    }
    return [image.width, image.height, palette.map((colour) => exact.get(colour)), btoa(text)];
}
