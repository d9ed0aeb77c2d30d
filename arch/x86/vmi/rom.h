/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _X86_VMI_ROM_H
#define _X86_VMI_ROM_H
/* Validation of VMI option ROMs and of what they answer. */

/**
 * struct vmi_rom - an option ROM that was found good
 * @phys:		physical address
 * @size:		bytes
 * @virtual_top:	first linear address that is the hypervisor's, 0 for none
 * @api_minor:		version of the API, 3.@api_minor
 * @rom_major:		version of the ROM by its own account
 * @rom_minor:		version of the ROM by its own account
 * @vendor:		PCI vendor
 * @device:		PCI device
 * @manufacturer:	string, NULL for none
 * @product:		string, NULL for none
 *
 * The strings are in the ROM and end there.
 */
struct vmi_rom {
	u32		phys;
	u32		size;
	u32		virtual_top;
	u8		api_minor;
	u8		rom_major;
	u8		rom_minor;
	u16		vendor;
	u16		device;
	const char	*manufacturer;
	const char	*product;
};

/**
 * struct vmi_calls - where the routines of the ROM are
 * @addr:	linear address by number of the call; 0 for one that is native
 * @nop:	the call has to do nothing at all
 * @jump:	the routine does not return, and is to be jumped to
 */
struct vmi_calls {
	u32	addr[VMI_NR_CALLS];
	u8	nop[VMI_NR_CALLS];
	u8	jump[VMI_NR_CALLS];
};

int vmi_rom_is_candidate(const void *rom, u32 avail);
const char *vmi_rom_check(const void *rom, u32 phys, u32 avail,
			  struct vmi_rom *info);
const char *vmi_reloc_check(u32 nr, u64 reloc, u32 base, u32 size,
			    struct vmi_calls *calls);

#endif /* _X86_VMI_ROM_H */
