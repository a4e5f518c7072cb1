import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import kafkajs, { CompressionTypes } from 'kafkajs';
import { decompressFrame } from 'lz4-napi';
import { uncompress } from 'snappy';

// Not among the names that Node finds in a CommonJS module.
const { CompressionCodecs } = kafkajs;

/**
 * Decoders for the compressions a foreign producer (or a topic's `compression.type`) may choose: kafkajs brings gzip
 * only, and one record in another compression would stop its consumer. We write without compression ourselves.
 */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.GZIP] = () => codec((data) => inflate(data, LIMIT));
  CompressionCodecs[CompressionTypes.ZSTD] = () => codec((data) => inflateZstd(data, LIMIT));
  CompressionCodecs[CompressionTypes.LZ4] = () => codec(decompressFrame);
  CompressionCodecs[CompressionTypes.Snappy] = () => codec(decompressSnappy);
}

/** Of one record batch, uncompressed; a broker accepts about 1 MiB compressed. Guards against decompression bombs. */
const LIMIT = { maxOutputLength: 256 * 1024 * 1024 };

const inflate = promisify(gunzip);
const inflateZstd = promisify(zstdDecompress);

function codec(decompress: (data: Buffer) => Promise<Buffer>) {
  return {
    decompress,
    compress: async (): Promise<Buffer> => {
      throw new Error('only reads compressed records');
    },
  };
}

/** Java's clients wrap snappy blocks in the framing of snappy-java; librdkafka and others write one bare block. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = XERIAL_MAGIC.length + 8;

async function decompressSnappy(data: Buffer): Promise<Buffer> {
  if (!data.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return uncompressBlock(data);
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < data.length; ) {
    const length = data.readUInt32BE(at);
    blocks.push(await uncompressBlock(data.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

async function uncompressBlock(block: Buffer): Promise<Buffer> {
  return Buffer.from(await uncompress(block, { asBuffer: true }));
}
